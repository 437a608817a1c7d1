//! Drivers bound to a thread may be built on their lane as long as nothing runs beside it.

use std::cell::Cell;
use std::rc::Rc;

use router_client::{BuiltOnLane, Instrument, interface};

struct Bound(Rc<Cell<f64>>);

#[interface]
impl Bound {
    pub fn position_um(&self) -> f64 {
        self.0.get()
    }

    pub fn move_to(&mut self, target_um: f64) {
        self.0.set(target_um);
    }
}

struct Free;

#[interface]
impl Free {
    #[call(urgent)]
    pub fn stop(&self) {}
}

fn add_instrument_with<T: Instrument>(build: impl FnOnce() -> T + Send)
where
    T::Access: BuiltOnLane<T>,
{
    <T::Access as BuiltOnLane<T>>::place(build());
}

fn main() {
    add_instrument_with(|| Bound(Rc::default()));
    add_instrument_with(|| Free);
}
