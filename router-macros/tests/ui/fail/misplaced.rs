#![allow(unused)]

use router_client::interface;

#[interface]
trait Stage {
    fn stop(&self);
    fn move_to(&self, target_um: f64);
}

struct AsiStage;

#[interface]
impl Stage for AsiStage {
    #[call(urgent)]
    fn stop(&self) {}
    fn move_to(&self, #[arg(default = 1.0)] target_um: f64) {}
}

struct Camera;

#[interface]
impl Camera {
    #[call(urgent)]
    fn private(&self) {}
    #[call(inline)]
    pub fn without_self() {}
}

fn main() {}
