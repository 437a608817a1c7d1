//! The same calls from Rust, where all of this is done already.

use router_client::RouterClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    println!("1 + 2.5 = {}", client.call::<f64>("add", (1, 2.5)).wait()?);
    println!("moved to {} um", client.call::<f64>("stage.move_to", ()).kw("target_um", 1500).wait()?);
    if let Err(error) = client.call::<f64>("stage.move_to", (-1,)).wait() {
        println!("{error}");
    }
    Ok(())
}
