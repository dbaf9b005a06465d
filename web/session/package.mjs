// Writes the package.json of the npm package beside what tsc has put into dist/: there, the modules are JavaScript.
import { readFileSync, writeFileSync } from "node:fs";

const { private: _private, scripts: _scripts, devDependencies: _tools, ...kept } = JSON.parse(readFileSync("package.json", "utf8"));
const exported = (name) => ({ types: `./${name}.d.ts`, default: `./${name}.js` });
const published = { ...kept, exports: { ".": exported("index"), "./react": exported("react") } };
writeFileSync("dist/package.json", `${JSON.stringify(published, null, 2)}\n`);
