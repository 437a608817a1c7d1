//! A driver bound to its thread, with a method that would be called from another.
use std::rc::Rc;

use router_client::{BuiltOnLane, Given, Instrument, interface};

struct Bound(Rc<f64>);

#[interface]
impl Bound {
    pub fn position_um(&self) -> f64 {
        *self.0
    }
    #[call(urgent)]
    pub fn stop(&self) {}
}

fn add_instrument_with<T: Instrument>(_: fn() -> T)
where
    T::Access: BuiltOnLane<T>,
{
}

fn add_instrument<T: Instrument>(_: T)
where
    T::Access: Given<T>,
{
}

fn main() {
    add_instrument_with(|| Bound(Rc::new(0.0)));
    add_instrument(Bound(Rc::new(0.0)));
}
