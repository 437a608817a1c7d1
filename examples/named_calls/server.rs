//! Serves a stage, and a name for one of its moves.

use router_server::{Preset, RouterServer};

struct Stage;

/// One axis.
#[router_client::interface]
impl Stage {
    /// Moves to `target_um` [um] at a speed, `slow` or `fast`.
    pub fn move_to(&self, target_um: f64, #[arg(default = "slow".to_owned())] speed: String) -> String {
        format!("at {target_um} um, {speed}")
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("stage", Stage)?;
    server.add_named_call("park", "stage.move_to", Preset::new((0.0,)).keyword("speed", "fast"))?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
