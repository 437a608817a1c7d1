//! Reads what a server says of a method, and calls it by that alone.

use router_client::RouterClient;
use router_client::describe::ValueDescription;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let server = client.describe().wait()?;

    let stage = server.instruments.iter().find(|instrument| instrument.name == "stage").ok_or("no stage")?;
    println!("{}: {}", stage.name, stage.docs);
    let move_to = server.calls.iter().find(|call| call.name == "stage.move_to").ok_or("no stage.move_to")?;
    println!("{}: {}", move_to.name, move_to.docs);
    for argument in &move_to.arguments {
        let default = argument.default.as_ref().map(|value| format!(", {value} unless given"));
        println!("  {}: {}{}", argument.name, typed(&argument.value), default.unwrap_or_default());
    }
    println!("  returns {}", typed(&move_to.returns));
    for stream in server.streams {
        let pace = stream.frequency_hz.map(|hz| format!(", {hz} Hz")).unwrap_or_default();
        println!("{}: {}{pace}", stream.name, typed(&stream.value));
    }

    // Whatever has no default is asked for; a program with a screen would show a field for each.
    let mut request = client.call::<f64>(&move_to.name, ());
    for argument in move_to.arguments.iter().filter(|argument| argument.default.is_none()) {
        request = request.kw(&argument.name, 25.0);
    }
    println!("called by its description: {}", request.wait()?);
    Ok(())
}

/// `f64 [um]`.
fn typed(value: &ValueDescription) -> String {
    let unit = value.unit.as_ref().map(|unit| format!(" [{unit}]"));
    format!("{}{}", value.type_name, unit.unwrap_or_default())
}
