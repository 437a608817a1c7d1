//! One method as a remote call: read from its signature, or refused at the part that cannot be one.

use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Ident, PathArguments, ReceiverKind, Result, ReturnType, Safety,
    Signature, Type, parse_quote,
};

use crate::argument::Argument;
use crate::call_attribute::CallAttribute;
use crate::docs::docs;
use crate::travelling::{Travelling, check_error, is_ident, ungrouped};
use crate::unit;

/// A method that can be called remotely.
pub(crate) struct RemoteMethod {
    pub(crate) ident: Ident,
    pub(crate) docs: String,
    /// Its attributes, for those that generated items share.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) call: CallAttribute,
    /// Takes `&mut self`.
    pub(crate) is_exclusive: bool,
    pub(crate) inputs: Vec<Input>,
    pub(crate) returns: Travelling,
    /// The unit of what it returns.
    pub(crate) unit: Option<String>,
    /// `E` of a `Result<T, E>`.
    pub(crate) error: Option<Type>,
}

/// What stands between a method's parentheses.
#[allow(clippy::large_enum_variant, reason = "a handful, for a moment")]
pub(crate) enum Input {
    /// `call: &Call`; the server gives it.
    Call,
    /// The caller gives it.
    Argument(Argument),
}

/// Serde writes tuples of up to this many elements, and the arguments travel as one.
const MOST_ARGUMENTS: usize = 16;

impl RemoteMethod {
    /// Reads a method. `parameters` are the type parameters of the surrounding `impl`.
    pub(crate) fn parse(
        signature: &Signature,
        attributes: &[Attribute],
        call: CallAttribute,
        parameters: &[Ident],
    ) -> Result<RemoteMethod> {
        check_form(signature)?;
        let is_exclusive = is_exclusive(signature)?;
        let inputs = inputs(signature, parameters)?;
        let (returned, error) = value_and_error(&signature.output)?;
        let returns = Travelling::new(&returned, parameters)?;
        if let Some(error) = &error {
            check_error(error, parameters)?;
        }
        let name = signature.ident.to_string();
        Ok(RemoteMethod {
            ident: signature.ident.clone(),
            docs: docs(attributes),
            attributes: attributes.to_vec(),
            unit: call
                .unit
                .as_ref()
                .map(syn::LitStr::value)
                .or_else(|| unit::inferred(&name, &returns.declared)),
            call,
            is_exclusive,
            inputs,
            returns,
            error,
        })
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Argument(argument) => Some(argument),
            Input::Call => None,
        })
    }
}

fn check_form(signature: &Signature) -> Result<()> {
    if let Some(word) = &signature.asyncness {
        return Err(Error::new(
            word.span(),
            "a remote method runs on its lane's thread and may block there: write a plain `fn`",
        ));
    }
    if let Safety::Unsafe(word) = &signature.safety {
        return Err(Error::new(
            word.span(),
            "whoever calls from afar can promise nothing: write a safe `fn`",
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a remote method is a plain Rust `fn`: remove the ABI"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a remote call has concrete types: write them instead of generic parameters, and leave lifetimes out",
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new_spanned(
            clause,
            "a remote method is there for every instrument: remove the `where` clause, or mark it `#[call(skip)]`",
        ));
    }
    Ok(())
}

fn is_exclusive(signature: &Signature) -> Result<bool> {
    let Some(receiver) = signature.receiver() else {
        return Err(Error::new_spanned(
            &signature.ident,
            "a remote method takes `&self` or `&mut self`; mark a function without it `#[call(skip)]`",
        ));
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => Ok(mutability.is_some()),
        _ => Err(Error::new_spanned(
            receiver,
            "a call cannot use up its instrument: take `&self` or `&mut self`, or mark the method `#[call(skip)]`",
        )),
    }
}

fn inputs(signature: &Signature, parameters: &[Ident]) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut default_before = false;
    for input in &signature.inputs {
        let FnArg::Typed(input) = input else { continue };
        if let Type::Reference(reference) = ungrouped(&input.ty)
            && is_ident(&reference.elem, "Call")
            && reference.mutability.is_none()
        {
            if inputs.iter().any(|input| matches!(input, Input::Call)) {
                return Err(Error::new_spanned(input, "there is one `&Call`; remove this one"));
            }
            inputs.push(Input::Call);
            continue;
        }
        if is_ident(&input.ty, "Call") {
            return Err(Error::new_spanned(&input.ty, "the call is lent to its method: write `&Call`"));
        }
        let argument = Argument::parse(input, parameters)?;
        if default_before && argument.default.is_none() {
            return Err(Error::new_spanned(
                &argument.ident,
                "an argument behind one with a default needs a default too: give it one, or move it before",
            ));
        }
        default_before = argument.default.is_some();
        inputs.push(Input::Argument(argument));
    }
    let arguments = inputs.iter().filter(|input| matches!(input, Input::Argument(_))).count();
    if arguments > MOST_ARGUMENTS {
        let message = format!("a call has at most {MOST_ARGUMENTS} arguments: put them in a struct");
        return Err(Error::new_spanned(&signature.ident, message));
    }
    Ok(inputs)
}

/// `T` and `E` of a method that returns `Result<T, E>`, or what else it returns.
fn value_and_error(output: &ReturnType) -> Result<(Type, Option<Type>)> {
    let ReturnType::Type(_, ty) = output else { return Ok((parse_quote!(()), None)) };
    let ty = ungrouped(ty);
    if matches!(ty, Type::Never(_)) {
        return Err(Error::new_spanned(ty, "a call has an outcome: return a value or nothing"));
    }
    let Type::Path(path) = ty else { return Ok((ty.clone(), None)) };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else {
        return Ok((ty.clone(), None));
    };
    if let PathArguments::AngleBracketed(arguments) = &last.arguments {
        let types: Vec<&Type> = arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect();
        if let [value, error] = types[..] {
            return Ok((value.clone(), Some(error.clone())));
        }
    }
    Err(Error::new_spanned(
        ty,
        "the error's type cannot be seen behind an alias: write `Result<T, E>` with both types",
    ))
}
