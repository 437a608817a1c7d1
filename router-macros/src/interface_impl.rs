//! `#[interface]` on an `impl` block.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Error, FnArg, GenericParam, Ident, ImplItem, ImplItemFn, ItemImpl, Path, Result, Type, Visibility,
    parse_quote,
};

use crate::argument::is_arg;
use crate::call_attribute::{CallAttribute, is_call};
use crate::docs::docs;
use crate::interface_trait::remove_from_argument;
use crate::method_table::{access, combined, table};
use crate::remote_method::RemoteMethod;
use crate::travelling::ungrouped;
use crate::typed_client::typed_client;

/// The block and `impl Instrument`; for an inherent block the typed client too.
pub(crate) fn expand(mut item: ItemImpl) -> TokenStream {
    let generated = match &item.trait_ {
        Some((path, _)) => of_trait(&item, path),
        None => inherent(&item),
    };
    remove_our_attributes(&mut item);
    if item.trait_.is_none() {
        // What is exposed is `pub`, even where the type is not.
        item.attrs.push(parse_quote!(#[allow(unreachable_pub)]));
    }
    let generated = generated.unwrap_or_else(Error::into_compile_error);
    quote!(#item #generated)
}

fn of_trait(item: &ItemImpl, path: &Path) -> Result<TokenStream> {
    if let Some(negation) = &item.modifiers.polarity {
        return Err(Error::new_spanned(negation, "an instrument implements its interface: remove the `!`"));
    }
    let misplaced = item.items.iter().filter_map(|part| match part {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    let misplaced = misplaced.flat_map(|function| {
        let on_arguments = function.sig.inputs.iter().flat_map(|input| match input {
            FnArg::Typed(input) => input.attrs.as_slice(),
            FnArg::Receiver(_) => &[],
        });
        function
            .attrs
            .iter()
            .filter(|attribute| is_call(attribute))
            .chain(on_arguments.filter(|attribute| is_arg(attribute)))
    });
    let errors = misplaced.map(|attribute| {
        Error::new_spanned(attribute, "this is a part of the interface: move it to the method in the trait")
    });
    if let Some(error) = combined(errors) {
        return Err(error);
    }
    let own_docs = docs(&item.attrs);
    let docs = if own_docs.is_empty() {
        quote!(<dyn #path as ::router_client::__private::InterfaceOf>::DOCS)
    } else {
        own_docs.to_token_stream()
    };
    let access = quote!(<dyn #path as ::router_client::__private::InterfaceOf>::Access);
    Ok(instrument(item, &access, &quote!(<Self as #path>::__interface_methods()), &docs))
}

fn inherent(item: &ItemImpl) -> Result<TokenStream> {
    let Type::Path(path) = ungrouped(&item.self_ty) else {
        return Err(Error::new_spanned(&item.self_ty, "an instrument is a struct or an enum with a name"));
    };
    let Some(name) = path.path.segments.last().map(|last| &last.ident) else {
        return Err(Error::new_spanned(&item.self_ty, "an instrument is a struct or an enum with a name"));
    };
    let parameters: Vec<Ident> = item
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(parameter.ident.clone()),
            GenericParam::Const(parameter) => Some(parameter.ident.clone()),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let mut methods = Vec::new();
    let mut errors = Vec::new();
    for part in &item.items {
        let ImplItem::Fn(function) = part else { continue };
        match method(function, &parameters) {
            Ok(method) => methods.extend(method),
            Err(error) => errors.push(error),
        }
    }
    if let Some(error) = combined(errors) {
        return Err(error);
    }
    let access = access(&methods)?;
    let table = table(&methods, &quote!(Self));
    let instrument = instrument(item, &access, &table, &docs(&item.attrs).to_token_stream());
    let client = typed_client(name, &Visibility::Public(parse_quote!(pub)), &methods)?;
    Ok(quote!(#instrument #client))
}

/// The method if it is exposed: public and with a receiver.
fn method(function: &ImplItemFn, parameters: &[Ident]) -> Result<Option<RemoteMethod>> {
    let call = CallAttribute::parse(&function.attrs)?;
    if call.skip.is_some() {
        return Ok(None);
    }
    if !matches!(function.vis, Visibility::Public(_)) || function.sig.receiver().is_none() {
        return match call.span {
            Some(span) => Err(Error::new(
                span,
                "this is no remote method: make it `pub` with `&self` or `&mut self`, or remove the attribute",
            )),
            None => Ok(None),
        };
    }
    RemoteMethod::parse(&function.sig, &function.attrs, call, parameters).map(Some)
}

fn instrument(
    item: &ItemImpl,
    access: &TokenStream,
    methods: &TokenStream,
    docs: &TokenStream,
) -> TokenStream {
    let ty = &item.self_ty;
    let mut generics = item.generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote!(#ty: 'static));
    }
    let (parameters, _, conditions) = generics.split_for_impl();
    quote! {
        impl #parameters ::router_client::Instrument for #ty #conditions {
            type Access = #access;

            fn methods() -> ::std::vec::Vec<::router_client::Method<Self>> {
                #methods
            }

            fn docs() -> &'static str {
                #docs
            }
        }
    }
}

fn remove_our_attributes(item: &mut ItemImpl) {
    for part in &mut item.items {
        let ImplItem::Fn(function) = part else { continue };
        function.attrs.retain(|attribute| !is_call(attribute));
        function.sig.inputs.iter_mut().for_each(remove_from_argument);
    }
}
