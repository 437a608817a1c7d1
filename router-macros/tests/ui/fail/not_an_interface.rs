use router_client::interface;

#[interface]
struct Stage;

#[interface(urgent)]
trait Laser {
    fn power_mw(&self) -> f64;
}

#[interface]
trait Generic<T> {
    fn value(&self) -> f64;
}

#[interface]
trait WithItems {
    const LIMIT_UM: f64;
    type Error;
}

fn main() {}
