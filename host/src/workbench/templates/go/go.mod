// The name is the one that the bindings go by; the plugin's own name stands in plugin.toml.
module wit_component

go 1.25

require go.bytecodealliance.org/pkg v0.2.2

// `attune build` writes it there, so that nothing has to be fetched.
replace go.bytecodealliance.org/pkg => ./target/go
