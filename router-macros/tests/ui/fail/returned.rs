use router_client::interface;

#[interface]
trait Stage {
    fn alias(&self) -> std::io::Result<f64>;
    fn formatted(&self) -> std::fmt::Result;
    fn nested(&self) -> Option<&str>;
}

struct Bus<B>(B);

#[interface]
impl<B> Bus<B> {
    pub fn inner(&self) -> Vec<B> {
        Vec::new()
    }
    pub fn own(&self) -> Result<Self, String> {
        Err(String::new())
    }
}

struct Port;

#[interface]
impl Port {
    pub fn new(&self) {}
}

fn main() {}
