//! Serves a stage, a stream of its position and a closure.

use router_client::interface;
use router_server::RouterServer;

struct Stage {
    position_um: f64,
}

#[interface]
impl Stage {
    /// Moves to `target_um` [um]; returns the position reached [um].
    pub fn move_to(&mut self, target_um: f64) -> f64 {
        self.position_um = target_um;
        self.position_um
    }

    /// Position now [um].
    pub fn position_um(&self) -> f64 {
        self.position_um
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("stage", Stage { position_um: 0.0 })?;
    server.add_instrument_stream("stage.position_um", 30.0, "stage.position_um", ())?;
    server.add_call("beep", |(times,): (usize,)| vec!["beep"; times].join(" "))?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
