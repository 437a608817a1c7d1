pub(crate) struct UpstreamStreams;
impl UpstreamStreams {
    pub(crate) fn server(&self, _: u64, _: router_socket::Endpoint, _: router_socket::Endpoint) {}
    pub(crate) fn described(&self, _: Vec<router_wire::describe::StreamDescription>) {}
    pub(crate) fn lost(&self, _: &str) {}
}
impl super::Streams {
    pub(crate) fn add_upstream(
        &self,
        _: &router_wire::Name,
    ) -> Result<UpstreamStreams, super::AddStreamError> {
        Ok(UpstreamStreams)
    }
}
