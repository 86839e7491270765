//! Line drawings, and the wallet's mark: a koban, the oval gold coin of the Edo period.

use leptos::prelude::*;

/// What an icon stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The wallet itself.
    Wallet,
    /// Paying.
    Pay,
    /// The list of transactions.
    Activity,
    /// The audit.
    Audit,
    /// Settings.
    Settings,
    /// Money coming into the wallet.
    In,
    /// Money leaving the wallet.
    Out,
    /// Coins for other coins.
    Swap,
    /// A person, an account.
    Person,
    /// A bank.
    Bank,
    /// A card.
    Card,
    /// Done.
    Check,
    /// Something to know.
    Info,
    /// Something is wrong.
    Alert,
    /// Elsewhere.
    Leave,
}

impl Shape {
    /// The strokes, on a square of 24 units.
    const fn strokes(self) -> &'static str {
        match self {
            Self::Wallet => {
                "M4 7h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6\
                 a2 2 0 0 1 2-2h11v3M16.5 13.5h.01"
            }
            Self::Card => "M3 6h18v12H3zM3 10h18M6.5 14.5h4",
            Self::Pay => "M4 12h13M12 6l6 6-6 6M21 4v16",
            Self::Activity => "M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01",
            Self::Audit => {
                "M12 4v16M7 20h10M5 7h14M5 7l-3 7a3 3 0 0 0 6 0zM19 7l-3 7a3 3 0 0 0 6 0z"
            }
            Self::Settings => "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
            Self::In => "M12 4v12M7 11l5 5 5-5M5 20h14",
            Self::Out => "M12 16V4M7 9l5-5 5 5M5 20h14",
            Self::Swap => "M4 9h15M15 5l4 4-4 4M20 15H5M9 11l-4 4 4 4",
            Self::Person => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
            Self::Bank => "M3 10l9-6 9 6zM5 10v8M10 10v8M14 10v8M19 10v8M3 20h18",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Info => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.8h.01",
            Self::Alert => "M12 4l9.5 16h-19zM12 10v4M12 17h.01",
            Self::Leave => {
                "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7\
                 a1 1 0 0 1 1-1h5"
            }
        }
    }
}

/// A drawing beside words that say the same; hidden from screen readers.
#[component]
pub fn Icon(shape: Shape) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=shape.strokes() />
        </svg>
    }
}

/// The mark.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 40" aria-hidden="true" focusable="false">
            <ellipse class="mark-body" cx="16" cy="20" rx="14" ry="18.5" />
            <path class="mark-lines" d="M8 9.5h16M5.5 15h21M5.5 25h21M8 30.5h16" />
            <circle class="mark-stamp" cx="16" cy="20" r="3.2" />
        </svg>
    }
}
