# Everything here does its own set-up. `run` and `test` need only Rust; `test-all` installs what it needs first.
.PHONY: run test test-all lint bench accuracy model soak plugins build wasm-target clean-demo

ATTUNE := target/debug/attune
TARGET := wasm32-unknown-unknown

# Builds Attune and the plugins, and opens the demonstration on http://127.0.0.1:8080.
run: plugins
	$(ATTUNE) serve --data target/demo --demo examples/events --plugins target/plugins

# Forgets what the demonstration did so far.
clean-demo:
	rm -rf target/demo

wasm-target:
	@rustc --print target-libdir --target $(TARGET) | xargs test -d || rustup target add $(TARGET)

build:
	cargo build -p attune

plugins: wasm-target build
	$(ATTUNE) build plugins tests/plugins

# The plugins' scenarios (those of tests/plugins try the host's own rules), the rooms' own tests, and the product from outside.
test: plugins
	$(ATTUNE) test plugins tests/plugins examples/rust
	cargo test -p attune -p attune-tests
	cargo test -p attune-mail -p attune-vendor --features attune-vendor/mail

# What needs more than Rust: Python, for a validator of the API's description that is not ours; a tool that has to be built
# first, for the licences and sources of the dependencies and what is known against them; Chromium, for the chat on a page.
test-all: plugins
	tests/all/languages
	tests/all/openapi
	tests/all/dependencies
	tests/all/templates
	tests/all/widget

lint: wasm-target
	cargo fmt --all --check
	cargo clippy -p attune -p attune-tests --all-targets -- -D warnings
	cargo clippy -p attune-mail -p attune-vendor --features attune-vendor/mail --all-targets -- -D warnings
	cargo clippy --target $(TARGET) -p attune-guest -p attune-vendor -p attune-mail -p shopify -p woocommerce -p calcom -p calendly -p stripe -p square -p acuity -p mapping -p appointment-reminders -p order-status -p faq -p escalation -p surge-alert -p sender -p house-reader -p diary -p manual -p birthday -p twilio -p mailgun -p sendgrid -p sendgrid-inbound -p postmark -p email -p webhook -p slack -- -D warnings

# Measures, prints a table, writes target/bench/summary.json.
bench: plugins
	cargo run -p attune-tests --bin bench

# How well texts are read: a table with sizes and intervals. What needs open data is left out where DATA does not hold it.
DATA := ../shared/data
accuracy:
	cargo run -p attune-tests --bin accuracy -- --data $(DATA)

# Counts which words people write and trains the weights anew, both of which the program carries, from texts/ of tests/accuracy and
# the open data in DATA.
model:
	cargo run -p attune-tests --bin accuracy -- --data $(DATA) spelling
	cargo run -p attune-tests --bin accuracy -- --data $(DATA) train

# Lets every attack strike a thousand times beside a healthy business, writes target/soak/table.txt. It takes two hours.
soak: plugins
	cargo run -p attune-tests --bin soak
