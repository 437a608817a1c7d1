//! `#[interface]` on a trait.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, ItemTrait, Receiver, ReceiverKind, Result, TraitItem, TraitItemFn, parse_quote};

use crate::argument::is_arg;
use crate::call_attribute::{CallAttribute, is_call};
use crate::docs::docs;
use crate::method_table::{access, combined, table};
use crate::remote_method::RemoteMethod;
use crate::typed_client::typed_client;

/// The trait with its hidden table of methods, what its `impl` blocks need to know, and the typed client.
pub(crate) fn expand(mut item: ItemTrait) -> TokenStream {
    let generated = generate(&item);
    remove_our_attributes(&mut item);
    let Generated { table, beside } = generated.unwrap_or_else(|error| in_place_of(&item, error));
    item.items.push(parse_quote! {
        #[doc(hidden)]
        fn __interface_methods() -> ::std::vec::Vec<::router_client::Method<Self>>
        where
            Self: ::core::marker::Sized + 'static,
        {
            #table
        }
    });
    quote!(#item #beside)
}

/// The error, with an interface without methods, so that the `impl` blocks of the trait do not report theirs.
fn in_place_of(item: &ItemTrait, error: Error) -> Generated {
    let error = error.into_compile_error();
    let interface = can_be_object(item).then(|| {
        let ident = &item.ident;
        quote! {
            impl ::router_client::__private::InterfaceOf for dyn #ident {
                type Access = ::router_client::LaneOnly;
                const DOCS: &'static str = "";
            }
        }
    });
    Generated { table: quote!(::std::vec::Vec::new()), beside: quote!(#error #interface) }
}

/// Whether there may be a `dyn Trait`, as far as that can be seen here; one too few is just one message more.
fn can_be_object(item: &ItemTrait) -> bool {
    item.generics.params.is_empty()
        && item.items.iter().all(|part| {
            let TraitItem::Fn(TraitItemFn { sig, .. }) = part else { return false };
            let text = quote!(#sig).to_string();
            let has_receiver =
                matches!(sig.receiver(), Some(Receiver { kind: ReceiverKind::Reference(..), .. }));
            let mut words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
            let hides_a_type = words.any(|word| ["Self", "impl", "async"].contains(&word));
            has_receiver && !hides_a_type && sig.generics.params.is_empty()
        })
}

struct Generated {
    table: TokenStream,
    beside: TokenStream,
}

fn generate(item: &ItemTrait) -> Result<Generated> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &item.generics,
            "an interface has concrete types, because its typed client does: remove the generic parameters",
        ));
    }
    let mut methods = Vec::new();
    let mut errors = Vec::new();
    for part in &item.items {
        match method(part) {
            Ok(method) => methods.extend(method),
            Err(error) => errors.push(error),
        }
    }
    if let Some(error) = combined(errors) {
        return Err(error);
    }
    let (ident, docs) = (&item.ident, docs(&item.attrs));
    let access = access(&methods)?;
    let client = typed_client(ident, &item.vis, &methods)?;
    let beside = quote! {
        impl ::router_client::__private::InterfaceOf for dyn #ident {
            type Access = #access;
            const DOCS: &'static str = #docs;
        }
        #client
    };
    Ok(Generated { table: table(&methods, &quote!(<Self as #ident>)), beside })
}

fn method(part: &TraitItem) -> Result<Option<RemoteMethod>> {
    match part {
        TraitItem::Fn(function) => {
            let call = CallAttribute::parse(&function.attrs)?;
            if call.skip.is_some() {
                return Ok(None);
            }
            RemoteMethod::parse(&function.sig, &function.attrs, call, &[]).map(Some)
        }
        TraitItem::Const(_) | TraitItem::Type(_) => Err(Error::new_spanned(
            part,
            "an interface has methods only: move the item to another trait, or return it from a method",
        )),
        _ => Ok(None),
    }
}

fn remove_our_attributes(item: &mut ItemTrait) {
    for part in &mut item.items {
        let TraitItem::Fn(function) = part else { continue };
        function.attrs.retain(|attribute| !is_call(attribute));
        function.sig.inputs.iter_mut().for_each(remove_from_argument);
    }
}

/// Removes what only the macro reads. Doc comments go too: on an argument the compiler refuses them.
pub(crate) fn remove_from_argument(input: &mut FnArg) {
    if let FnArg::Typed(input) = input {
        input.attrs.retain(|attribute| !is_arg(attribute) && !attribute.path().is_ident("doc"));
    }
}
