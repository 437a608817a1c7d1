//! `#[interface]`: which of its three forms it is.

use proc_macro2::TokenStream;
use syn::{Error, Item};

use crate::{interface_impl, interface_trait};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if !attribute.is_empty() {
        let error = Error::new_spanned(
            attribute,
            "`#[interface]` takes nothing: what a method is stands in its `#[call(...)]`",
        );
        let error = error.into_compile_error();
        return quote::quote!(#error #item);
    }
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Trait(item)) => interface_trait::expand(item),
        Ok(Item::Impl(item)) => interface_impl::expand(item),
        Ok(other) => {
            let message =
                "`#[interface]` stands on a trait, on an `impl Trait for Type` or on an `impl Type`";
            let error = Error::new_spanned(&other, message).into_compile_error();
            quote::quote!(#error #item)
        }
        Err(error) => error.into_compile_error(),
    }
}
