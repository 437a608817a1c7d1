//! Calls by a name that brings its arguments, and overrides some of them.

use router_client::RouterClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;

    println!("park: {}", client.call::<String>("park", ()).wait()?);
    println!("park slowly: {}", client.call::<String>("park", ()).kw("speed", "slow").wait()?);
    println!("park at 10: {}", client.call::<String>("park", (10.0,)).wait()?);

    let calls = client.describe().wait()?.calls;
    let park = calls.iter().find(|call| call.name == "park").ok_or("there is no `park`")?;
    println!("described: park is a name for {}", park.target.as_deref().unwrap_or("nothing"));
    Ok(())
}
