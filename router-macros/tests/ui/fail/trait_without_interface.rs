use router_client::interface;

trait Stage {}

struct AsiStage;

#[interface]
impl Stage for AsiStage {}

fn main() {}
