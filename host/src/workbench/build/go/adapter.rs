//! Go's runtime asks for WASI (preview 1). This answers it inside the component, so that a plugin in Go imports nothing but the
//! contract: no arguments, no environment, no files, a clock that stands still, and random numbers that are always the same.
//! What a program prints is dropped.
//!
//! The real clock is the contract's: `attune:host/clock`.

use anyhow::{Context, Result, bail};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemArg, MemoryType,
    Module, TypeSection, ValType,
};
use wasmparser::{Parser, Payload, TypeRef};

/// The module whose functions are answered.
pub(super) const NAME: &str = "wasi_snapshot_preview1";

/// WASI's number for "bad file descriptor": there are no files, so none is a good one. Go looks for folders until it hears this.
const BAD_FILE: i32 = 8;

/// Makes the adapter for what a core module imports of WASI.
pub(super) fn adapter(module: &[u8]) -> Result<Vec<u8>> {
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    for (index, (name, params, results)) in (0..).zip(asked(module)?) {
        types.ty().function(params, results.iter().copied());
        functions.function(index);
        exports.export(&name, ExportKind::Func, index);
        code.function(&answer(&name, !results.is_empty()));
    }
    let mut imports = ImportSection::new();
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut adapter = Module::new();
    adapter.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    Ok(adapter.finish())
}

type Asked = (String, Vec<ValType>, Vec<ValType>);

/// The functions of WASI that a module imports.
fn asked(module: &[u8]) -> Result<Vec<Asked>> {
    let value = |ty: &wasmparser::ValType| match ty {
        wasmparser::ValType::I32 => Ok(ValType::I32),
        wasmparser::ValType::I64 => Ok(ValType::I64),
        other => bail!("WASI has no {other}"),
    };
    let (mut types, mut asked) = (Vec::new(), Vec::<Asked>::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(ty) = import.ty else { continue };
                    // Go's runtime and its library ask for some of them twice.
                    if import.module != NAME || asked.iter().any(|(name, ..)| name == import.name) {
                        continue;
                    }
                    let ty = types.get(ty as usize).context("an import has no type")?;
                    let all = |side: &[wasmparser::ValType]| side.iter().map(value).collect::<Result<Vec<_>>>();
                    asked.push((import.name.to_owned(), all(ty.params())?, all(ty.results())?));
                }
            }
            _ => {}
        }
    }
    Ok(asked)
}

/// The body of a function.
fn answer(name: &str, gives_errno: bool) -> Function {
    let word = MemArg { offset: 0, align: 2, memory_index: 0 };
    let mut body = match name {
        // The number of bytes written: the sum over a list of (address, length).
        "fd_write" => Function::new([(1, ValType::I32)]),
        _ => Function::new([]),
    };
    let mut write = body.instructions();
    match name {
        "args_sizes_get" | "environ_sizes_get" => {
            write.local_get(0).i32_const(0).i32_store(word).local_get(1).i32_const(0).i32_store(word).i32_const(0);
        }
        // Go sleeps a little while it stops after a panic. Nobody else does for long: the clock stands still, and fuel ends.
        "args_get" | "environ_get" | "sched_yield" | "poll_oneoff" => {
            write.i32_const(0);
        }
        "clock_time_get" => {
            // Go takes a clock at zero for none.
            write.local_get(2).i64_const(1).i64_store(MemArg { align: 3, ..word }).i32_const(0);
        }
        "random_get" => {
            write.local_get(0).i32_const(7).local_get(1).memory_fill(0).i32_const(0);
        }
        "fd_write" => {
            let (parts, count, written, sum) = (1, 2, 3, 4);
            write.block(wasm_encoder::BlockType::Empty).loop_(wasm_encoder::BlockType::Empty);
            write.local_get(count).i32_eqz().br_if(1);
            write.local_get(sum).local_get(parts).i32_load(MemArg { offset: 4, ..word }).i32_add().local_set(sum);
            write.local_get(parts).i32_const(8).i32_add().local_set(parts);
            write.local_get(count).i32_const(1).i32_sub().local_set(count);
            write.br(0).end().end();
            write.local_get(written).local_get(sum).i32_store(word).i32_const(0);
        }
        _ if gives_errno => {
            write.i32_const(BAD_FILE);
        }
        _ => {
            write.unreachable();
        }
    }
    write.end();
    body
}
