//! An inherent block, in a module, with everything that is left alone.
#![deny(warnings, missing_docs, unreachable_pub)]

mod camera {
    use router_client::interface;

    pub(crate) struct Camera<B> {
        bus: B,
        exposure_ms: f64,
    }

    #[interface]
    impl<B: AsRef<str>> Camera<B> {
        pub(crate) const BITS: u8 = 16;

        pub(crate) fn open(bus: B) -> Self {
            Camera { bus, exposure_ms: f64::from(Self::BITS) }
        }

        pub fn set_exposure_ms(&mut self, exposure_ms: f64) {
            self.exposure_ms = exposure_ms;
        }

        pub fn exposure_ms(&self) -> f64 {
            self.exposure_ms
        }

        #[call(skip)]
        #[allow(dead_code)]
        pub fn into_bus(self) -> B {
            self.bus
        }

        pub(crate) async fn left_alone<T>(&self, _: &T) -> Option<&B> {
            Some(&self.bus)
        }
    }
}

use router_client::{Exclusive, Instrument};

fn is_exclusive<T: Instrument<Access = Exclusive>>(_: &T) {}

fn main() {
    let mut camera = camera::Camera::open("COM3");
    is_exclusive(&camera);
    camera.set_exposure_ms(2.0);
    assert_eq!(camera.exposure_ms(), 2.0);
    let _ = camera.left_alone(&1);
}
