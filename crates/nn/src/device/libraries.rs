//! The shared libraries CUDA needs, looked for before cudarc does: it panics where one is missing.

/// A library and how people know it.
struct Library {
    /// Name without `lib` and ending.
    stem: &'static str,
    /// Said when no version of it is found.
    missing: &'static str,
}

/// In the order in which their absence explains most. cuBLAS and cuRAND come with CUDA, not with the driver.
const NEEDED: &[Library] = &[
    Library { stem: "cuda", missing: "no NVIDIA driver was found (libcuda.so.1)" },
    Library {
        stem: "cublas",
        missing: "cuBLAS was not found (libcublas.so); install CUDA's libraries or put them into the folder lib beside the program",
    },
    Library {
        stem: "curand",
        missing: "cuRAND was not found (libcurand.so); install CUDA's libraries or put them into the folder lib beside the program",
    },
    #[cfg(feature = "cudnn")]
    Library {
        stem: "cudnn",
        missing: "cuDNN was not found (libcudnn.so); install it or put it into the folder lib beside the program",
    },
];

/// What is said of the first library that does not load, if any does not; `loads` tries one file name.
pub fn first_missing(loads: impl Fn(&str) -> bool) -> Option<&'static str> {
    let found = |library: &Library| file_names(library.stem).any(|name| loads(&name));
    NEEDED.iter().find(|library| !found(library)).map(|library| library.missing)
}

/// The names cudarc tries on Linux.
fn file_names(stem: &str) -> impl Iterator<Item = String> {
    let plain = format!("lib{stem}.so");
    let versions = ["13", "12", "11", "10", "9", "1"];
    std::iter::once(plain.clone()).chain(versions.into_iter().map(move |v| format!("{plain}.{v}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 4] = ["libcuda.so.1", "libcublas.so.13", "libcurand.so.10", "libcudnn.so.9"];

    fn first_missing_without(absent: &str) -> Option<&'static str> {
        first_missing(|name| ALL.contains(&name) && name != absent)
    }

    #[test]
    fn nothing_is_missing_where_every_library_loads_in_some_version() {
        assert_eq!(first_missing_without(""), None);
    }

    #[test]
    fn the_missing_library_is_named() {
        for (absent, word) in
            [("libcuda.so.1", "driver"), ("libcublas.so.13", "cuBLAS"), ("libcurand.so.10", "cuRAND")]
        {
            let missing = first_missing_without(absent).unwrap();
            assert!(missing.contains(word), "{missing}");
        }
    }

    #[test]
    fn without_anything_the_driver_is_what_is_told_of() {
        assert!(first_missing(|_| false).unwrap().contains("NVIDIA driver"));
    }
}
