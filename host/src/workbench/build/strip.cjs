// Takes the types out of every TypeScript file in this folder, and leaves every line and column where it was: so the stack of an
// exception says the author's own. What else is imported, JavaScript and JSON, goes along. Arguments: where the result goes, and
// the folders that hold no sources.
const { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require("fs");
const { transformSync } = require("amaro");
const [to, ...others] = process.argv.slice(1);

function strip(folder, into) {
  mkdirSync(into, { recursive: true });
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const [from, out] = [`${folder}/${entry.name}`, `${into}/${entry.name}`];
    if (entry.isDirectory()) {
      if (!others.includes(entry.name)) strip(from, out);
    } else if (/(?<!\.d)\.m?ts$/.test(entry.name)) {
      writeFileSync(out, told(from, () => transformSync(readFileSync(from, "utf8"), { mode: "strip-only" }).code));
    } else if (/\.(m?js|json)$/.test(entry.name)) {
      cpSync(from, out);
    }
  }
}

function told(file, act) {
  try {
    return act();
  } catch (error) {
    console.error(`${file.slice(2)}: ${error.message ?? error}`);
    process.exit(1);
  }
}

rmSync(to, { recursive: true, force: true });
strip(".", to);
