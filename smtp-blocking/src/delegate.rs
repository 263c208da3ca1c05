//! Settings that are those of the frontend.

/// Methods that change one thing and give the whole back, as the type inside does it.
macro_rules! settings {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $name(self, $($argument: $kind),*) -> Self {
            Self(self.0.$name($($argument),*))
        }
    )*};
}

pub(crate) use settings;
