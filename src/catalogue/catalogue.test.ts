// The catalogue's integrity: ids that are unique, references that resolve, and a voice for every language in every mode.
import { describe, expect, test } from 'vitest';
import { LANGUAGES, LLM_MODELS, MODES, SPEECH_MODELS, SYNTHESIZER_PROVIDERS, TRANSCRIBER_PROVIDERS, VOICES } from './catalogue.ts';
import { findLanguageByWord, findLlmModelByWord, listSynthesizers, listTranscribers, listVoices, speechModelsOf } from './lookups.ts';

const LISTS = { LANGUAGES, LLM_MODELS, SPEECH_MODELS, SYNTHESIZER_PROVIDERS, TRANSCRIBER_PROVIDERS, VOICES };

test.each(Object.entries(LISTS))('%s: ids are positive and unique', (_, rows) => {
  const ids = rows.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true);
});

test.each([
  ['languages', LANGUAGES.map(({ iso_2 }) => iso_2)],
  ['text models', LLM_MODELS.map(({ code }) => code)],
  ['speech models', SPEECH_MODELS.map(({ code }) => code)],
  ['synthesizers', SYNTHESIZER_PROVIDERS.map(({ code }) => code)],
  ['transcribers', TRANSCRIBER_PROVIDERS.map(({ code }) => code)],
])('codes of %s are unique', (_, codes) => {
  expect(new Set(codes).size).toBe(codes.length);
});

test('every voice speaks a language of ours, through a provider of ours, in some mode', () => {
  const lost = VOICES.filter(
    (voice) =>
      !LANGUAGES.some(({ id }) => id === voice.language_id) ||
      !SYNTHESIZER_PROVIDERS.some(({ id }) => id === voice.synthesizer_provider_id) ||
      voice.modes.length === 0,
  );
  expect(lost).toEqual([]);
});

test('a Piper voice is filed under the language that its name begins with', () => {
  const wrong = VOICES.filter((voice) => /^[a-z]{2}_/.test(voice.name)).filter(
    (voice) => !voice.name.startsWith(`${LANGUAGES.find(({ id }) => id === voice.language_id)?.iso_2}_`),
  );
  expect(wrong).toEqual([]);
});

test('no voice is listed twice for a language', () => {
  const keys = VOICES.map((voice) => `${voice.language_id} ${voice.name}`);
  expect(new Set(keys).size).toBe(keys.length);
});

describe.each(LANGUAGES)('$name', ({ id }) => {
  test.each(MODES)('has a voice for %s', (mode) => {
    expect(listVoices({ mode, languageId: id })).not.toEqual([]);
  });

  test('has a synthesizer and a transcriber', () => {
    expect(listSynthesizers(id)).not.toEqual([]);
    expect(listTranscribers(id)).not.toEqual([]);
  });
});

test('transcribers name languages of ours', () => {
  const named = TRANSCRIBER_PROVIDERS.flatMap(({ languages }) => languages ?? []);
  expect(named.filter((code) => !LANGUAGES.some(({ iso_2 }) => iso_2 === code))).toEqual([]);
});

test('both kinds of speech model exist, and pipeline has none', () => {
  expect(speechModelsOf('multimodal')).not.toEqual([]);
  expect(speechModelsOf('dualplex')).not.toEqual([]);
  expect(speechModelsOf('pipeline')).toEqual([]);
});

test.each([
  ['English', 1],
  ['english', 1],
  ['DE', 2],
  ['Klingon', undefined],
  ['', undefined],
])('the language called %j', (word, id) => {
  expect(findLanguageByWord(word)?.id).toBe(id);
});

test.each([
  ['GPT-4o Mini', 6],
  ['gpt-4o', 8],
  ['llama3.1:8b', 1],
  ['gpt-9', undefined],
])('the text model called %j', (word, id) => {
  expect(findLlmModelByWord(word)?.id).toBe(id);
});

test('an unknown language has no provider', () => {
  expect(listSynthesizers(9999)).toEqual([]);
  expect(listTranscribers(9999)).toEqual([]);
});
