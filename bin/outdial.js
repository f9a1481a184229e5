#!/usr/bin/env node
// Checks the Node version before anything that an older one cannot even parse, then hands over to the command line.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Outdial needs Node 22.18 or newer and this is ${process.versions.node}: use the npm scripts of a checkout (npm start, npm run outdial), which bring their own Node, or install a newer one.`,
  );
  process.exit(1);
}

const { existsSync } = await import('node:fs');
// A checkout runs its sources as they are; the published package carries them compiled.
const sources = new URL('../src/cli/main.ts', import.meta.url);
await import(existsSync(sources) ? sources.href : new URL('../dist/cli/main.js', import.meta.url).href);
