use router_client::interface;

#[interface]
trait Stage {
    fn move_to(&mut self, target_um: f64);
    #[call(urgent, clears_lane)]
    fn stop(&self);
    #[call(inline)]
    fn position_um(&self) -> f64;
}

struct Camera;

#[interface]
impl Camera {
    pub fn start(&mut self) {}
    #[call(concurrent)]
    pub fn temperature_celsius(&self) -> f64 {
        0.0
    }
}

fn main() {}
