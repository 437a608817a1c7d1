//! `#[call(...)]` on a method.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitStr, Result};

/// Everything the `#[call(...)]` attributes of one method say.
#[derive(Default)]
pub(crate) struct CallAttribute {
    /// How it runs when not on the lane, and the word that says so.
    pub(crate) kind: Option<(BesideTheLane, Span)>,
    pub(crate) clears_lane: Option<Span>,
    pub(crate) idempotent: Option<Span>,
    pub(crate) cancel_on_client_lost: Option<Span>,
    /// The unit of the returned value.
    pub(crate) unit: Option<LitStr>,
    /// The method is not to be exposed.
    pub(crate) skip: Option<Span>,
    /// The first attribute, if there is one.
    pub(crate) span: Option<Span>,
}

/// Where a method runs that does not wait for the lane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BesideTheLane {
    Concurrent,
    Urgent,
    Inline,
}

impl BesideTheLane {
    pub(crate) fn word(self) -> &'static str {
        match self {
            BesideTheLane::Concurrent => "concurrent",
            BesideTheLane::Urgent => "urgent",
            BesideTheLane::Inline => "inline",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [BesideTheLane::Concurrent, BesideTheLane::Urgent, BesideTheLane::Inline]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

impl CallAttribute {
    /// Reads and checks the `#[call(...)]` attributes among `attributes`.
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<CallAttribute> {
        let mut call = CallAttribute::default();
        for attribute in attributes.iter().filter(|attribute| is_call(attribute)) {
            call.span.get_or_insert(attribute.path().span());
            attribute.parse_nested_meta(|meta| {
                let span = meta.path.span();
                let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                if let Some(kind) = BesideTheLane::of_word(&word) {
                    return call.set_kind(kind, span);
                }
                let given_before = match word.as_str() {
                    "clears_lane" => call.clears_lane.replace(span).is_some(),
                    "idempotent" => call.idempotent.replace(span).is_some(),
                    "cancel_on_client_lost" => call.cancel_on_client_lost.replace(span).is_some(),
                    "skip" => call.skip.replace(span).is_some(),
                    "unit" => call.unit.replace(meta.value()?.parse()?).is_some(),
                    _ => return Err(Error::new(span, UNKNOWN)),
                };
                if given_before {
                    Err(Error::new(span, format!("`{word}` is given twice; remove one")))
                } else {
                    Ok(())
                }
            })?;
        }
        call.check()?;
        Ok(call)
    }

    fn set_kind(&mut self, kind: BesideTheLane, span: Span) -> Result<()> {
        match self.kind.replace((kind, span)) {
            None => Ok(()),
            Some((before, _)) => Err(Error::new(
                span,
                format!("a method runs in one way: remove `{}` or `{}`", before.word(), kind.word()),
            )),
        }
    }

    fn check(&self) -> Result<()> {
        if let (Some(span), None | Some((BesideTheLane::Concurrent | BesideTheLane::Inline, _))) =
            (self.clears_lane, self.kind)
        {
            return Err(Error::new(
                span,
                "`clears_lane` needs `urgent`: only an urgent method runs while the lane is busy; write \
                 `#[call(urgent, clears_lane)]`",
            ));
        }
        if let (Some(span), Some(_)) = (self.idempotent, self.clears_lane) {
            return Err(Error::new(
                span,
                "a method with `clears_lane` cannot be `idempotent`: sent again after a break, it would end what was \
                 started since; remove `idempotent`",
            ));
        }
        if let (Some(span), Some(_)) = (self.idempotent, self.cancel_on_client_lost) {
            return Err(Error::new(
                span,
                "`cancel_on_client_lost` ends the call when its client is lost, `idempotent` has it go on; remove one",
            ));
        }
        let says_more = self
            .kind
            .map(|(_, span)| span)
            .or(self.clears_lane)
            .or(self.idempotent)
            .or(self.cancel_on_client_lost);
        match (self.skip, says_more.or_else(|| self.unit.as_ref().map(Spanned::span))) {
            (Some(_), Some(other)) => {
                Err(Error::new(other, "a method with `skip` is no call; remove this or `skip`"))
            }
            _ => Ok(()),
        }
    }

    /// The `CallKind` for the method's description.
    pub(crate) fn kind_tokens(&self) -> TokenStream {
        match self.kind {
            None => quote!(::router_client::describe::CallKind::Lane),
            Some((BesideTheLane::Concurrent, _)) => quote!(::router_client::describe::CallKind::Concurrent),
            Some((BesideTheLane::Urgent, _)) => quote!(::router_client::describe::CallKind::Urgent),
            Some((BesideTheLane::Inline, _)) => quote!(::router_client::describe::CallKind::Inline),
        }
    }
}

const UNKNOWN: &str = "expected `urgent`, `clears_lane`, `concurrent`, `inline`, `idempotent`, \
                       `cancel_on_client_lost`, `unit = \"...\"` or `skip`";

pub(crate) fn is_call(attribute: &Attribute) -> bool {
    attribute.path().is_ident("call")
}
