use router_client::interface;

#[interface]
trait Stage {
    #[call(clears_lane)]
    fn stop(&self);
    #[call(concurrent, clears_lane)]
    fn abort(&self);
    #[call(urgent, concurrent)]
    fn both(&self);
    #[call(inline)]
    #[call(urgent)]
    fn in_two_attributes(&self);
    #[call(urgnet)]
    fn misspelt(&self);
    #[call(skip, idempotent)]
    fn skipped(&self);
    #[call(idempotent, idempotent)]
    fn twice(&self);
    #[call(unit = 1)]
    fn unit(&self) -> f64;
    #[call(urgent, clears_lane, idempotent)]
    fn again_and_clears(&self);
    #[call(idempotent, cancel_on_client_lost)]
    fn again_and_ends(&self);
    #[call]
    fn empty(&self);
}

fn main() {}
