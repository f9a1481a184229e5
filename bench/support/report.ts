// What a benchmark has found goes to standard output, and as a section of its own into a file of docs/.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

const fileOf = (name: string): URL => new URL(`../../docs/${name}`, import.meta.url);
const TITLE =
  '# Benchmarks\n\nEach section is written by the command that it names. The machines are shared and noisy: trust the ratios within a run, not the figures of two runs.\n';

/** A table in Markdown. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Where and when: the machine, Node, what else took part, the day. */
export const circumstances = (others: readonly string[] = []): string => {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${memory}`;
  return [machine, `Node ${process.versions.node}`, ...others, new Date().toISOString().slice(0, 10)].join(' · ');
};

const read = (file: URL): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return TITLE;
  }
};

/** Prints a section and puts it into a file of docs/, in the place of the one with the same heading, or at the end. */
export const writeSection = (heading: string, body: string, name = 'benchmarks.md'): void => {
  const file = fileOf(name);
  const section = `## ${heading}\n\n${body.trim()}\n`;
  console.log(`\n${section}`);
  const parts = read(file).split(/^(?=## )/m);
  const at = parts.findIndex((part) => part.startsWith(`## ${heading}\n`));
  if (at < 0) parts.push(section);
  else parts[at] = section;
  writeFileSync(file, `${parts.map((part) => part.trimEnd()).join('\n\n')}\n`);
};
