//! Calls and watches what is two servers away, as if it were here.

use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_frame::Frame;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect_with(&address, ConnectOptions::default().name("cascade-client"))?;

    let upstreams = client.describe().wait()?.upstreams;
    let behind: Vec<&str> = upstreams.iter().map(|upstream| upstream.prefix.as_str()).collect();
    println!("behind it: {}", behind.join(", "));

    let reached_um: f64 = client.call("room.rig.stage.move_to", (1500.0,)).deadline(PATIENCE).wait()?;
    println!("moved to {reached_um} um");

    let moving = client.call::<f64>("room.rig.stage.move_to", (0.0,)).start();
    let progress = moving.progress_timeout(PATIENCE).ok_or("no progress")?;
    println!("moving: {:.0} %", 100.0 * progress.fraction);
    client.call::<()>("room.rig.stage.stop", ()).wait()?;
    if let Err(stopped) = moving.wait() {
        println!("stopped: {stopped}");
    }

    let frames = client.subscribe::<Frame>("room.rig.camera.frame").queue(100)?;
    let frame = frames.recv_timeout(PATIENCE)?;
    let stats = frames.settle(PATIENCE)?;
    let account = if stats.balances() { "every one accounted for" } else { "some are missing" };
    println!("a frame {}, {account}", frame.value.shape_text());

    let caller: String = client.call("room.rig.stage.caller", ()).wait()?;
    println!("who called, says the far end: {caller}");
    Ok(())
}
