# Environment and functions of .ci/run and .ci/setup.sh, which source this file.
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# Repeats a command that fails: a mirror may be busy or synchronising.
again() {
    local try
    for try in 1 2 3 4 5; do
        "$@" && return 0
        sleep $((try * 5))
    done
    "$@"
}

# Prints the installed toolchain whose name begins with $1; fails without one. None is ever fetched.
toolchain() {
    local names
    command -v rustup >/dev/null || return 1
    names=$(RUSTUP_AUTO_INSTALL=0 rustup toolchain list | sed -n "s/^\($1[.-][^ ]*\).*/\1/p")
    [ -n "$names" ] && echo "${names%%$'\n'*}"
}
