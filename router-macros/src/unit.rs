//! Units at the end of names: `target_um`, `frequency_hz`, `speed_mm_per_s`.

use syn::Type;
use syn::visit::{self, Visit};

/// The unit that the end of `name` tells, if it does and `ty` can have one: neither texts nor truths do.
pub(crate) fn inferred(name: &str, ty: &Type) -> Option<String> {
    if !may_be_a_quantity(ty) {
        return None;
    }
    let mut parts = name.rsplit('_');
    let last = symbol(parts.next()?)?;
    let Some(before) = parts.next() else {
        // The whole name is the unit's: `ms: u64`, but `m`, `s`, `a` and other single letters are just names.
        return (name.len() > 1).then(|| last.to_owned());
    };
    match (before, parts.next().and_then(symbol)) {
        ("per", Some(numerator)) => Some(format!("{numerator}/{last}")),
        ("per", None) => None,
        _ => Some(last.to_owned()),
    }
}

fn symbol(suffix: &str) -> Option<&'static str> {
    const SYMBOLS: [(&str, &str); 58] = [
        ("pm", "pm"),
        ("nm", "nm"),
        ("um", "um"),
        ("mm", "mm"),
        ("cm", "cm"),
        ("m", "m"),
        ("ps", "ps"),
        ("ns", "ns"),
        ("us", "us"),
        ("ms", "ms"),
        ("s", "s"),
        ("min", "min"),
        ("h", "h"),
        ("hz", "Hz"),
        ("khz", "kHz"),
        ("mhz", "MHz"),
        ("ghz", "GHz"),
        ("uw", "uW"),
        ("mw", "mW"),
        ("w", "W"),
        ("kw", "kW"),
        ("uj", "uJ"),
        ("mj", "mJ"),
        ("j", "J"),
        ("uv", "uV"),
        ("mv", "mV"),
        ("v", "V"),
        ("kv", "kV"),
        ("ua", "uA"),
        ("ma", "mA"),
        ("a", "A"),
        ("ohm", "ohm"),
        ("deg", "deg"),
        ("mrad", "mrad"),
        ("rad", "rad"),
        ("rpm", "rpm"),
        ("celsius", "degC"),
        ("kelvin", "K"),
        ("percent", "%"),
        ("db", "dB"),
        ("pa", "Pa"),
        ("kpa", "kPa"),
        ("mbar", "mbar"),
        ("bar", "bar"),
        ("mg", "mg"),
        ("g", "g"),
        ("kg", "kg"),
        ("ul", "ul"),
        ("ml", "ml"),
        ("n", "N"),
        ("bits", "bits"),
        ("bytes", "bytes"),
        ("kib", "KiB"),
        ("mib", "MiB"),
        ("gib", "GiB"),
        ("px", "px"),
        ("pixels", "px"),
        ("fps", "fps"),
    ];
    SYMBOLS.iter().find(|(name, _)| *name == suffix).map(|(_, symbol)| *symbol)
}

/// Whether a type names anything but texts, truths and their containers.
fn may_be_a_quantity(ty: &Type) -> bool {
    const WITHOUT_UNIT: [&str; 8] =
        ["bool", "char", "str", "String", "Path", "PathBuf", "Duration", "SystemTime"];
    const CONTAINERS: [&str; 8] =
        ["Vec", "Option", "Box", "Arc", "VecDeque", "Result", "HashMap", "BTreeMap"];
    struct Names(bool);
    impl<'ast> Visit<'ast> for Names {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            if let Some(last) = path.segments.last() {
                let name = last.ident.to_string();
                self.0 |= !WITHOUT_UNIT.contains(&name.as_str()) && !CONTAINERS.contains(&name.as_str());
            }
            visit::visit_path(self, path);
        }
    }
    let mut names = Names(false);
    names.visit_type(ty);
    names.0
}

#[cfg(test)]
mod tests {
    use super::inferred;

    #[test]
    fn units_end_names() {
        fn check(name: &str, ty: &str, expect: Option<&str>) {
            let ty = syn::parse_str(ty).unwrap();
            assert_eq!(inferred(name, &ty).as_deref(), expect, "{name}");
        }
        check("target_um", "f64", Some("um"));
        check("exposure_ms", "Option<u32>", Some("ms"));
        check("frequency_hz", "f64", Some("Hz"));
        check("temperature_celsius", "Vec<f32>", Some("degC"));
        check("speed_mm_per_s", "f64", Some("mm/s"));
        check("cpu_percent", "[f32; 2]", Some("%"));
        check("ms", "u64", Some("ms"));
        check("m", "u64", None);
        check("target", "f64", None);
        check("channel_a", "bool", None);
        check("text_per_m", "Option<String>", None);
        check("images_per_s", "f64", None);
        check("set_power_mw", "()", None);
    }
}
