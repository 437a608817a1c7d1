#![allow(unused)]

use router_client::{Call, interface};

#[interface]
trait Stage {
    fn changes(&self, position_um: &mut f64);
    fn nested(&self, names: Vec<&str>);
    fn hidden(&self, value: impl Into<f64>);
    fn dynamic(&self, value: Box<dyn Fn()>);
    fn pointer(&self, value: *const u8);
    fn owned_call(&self, call: Call);
    fn two_calls(&self, call: &Call, other: &Call);
    fn default_before(&self, #[arg(default = 1)] steps: u8, target_um: f64);
    fn unknown_word(&self, #[arg(range = 1)] steps: u8);
    #[rustfmt::skip]
    fn too_many(
        &self, a0: u8, a1: u8, a2: u8, a3: u8, a4: u8, a5: u8, a6: u8, a7: u8, a8: u8, a9: u8, a10: u8, a11: u8, a12: u8, a13: u8, a14: u8, a15: u8, a16: u8,
    );
    fn twice(&self, #[arg(unit = "um", unit = "mm")] target: f64);
}

struct Camera;

#[interface]
impl Camera {
    pub fn own(&self, other: Self) {}
    pub fn nameless(&self, _: f64) {}
    pub fn pattern(&self, (x_um, y_um): (f64, f64)) {}
}

fn main() {}
