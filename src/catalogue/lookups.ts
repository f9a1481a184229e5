// Questions asked of the catalogue. Pure; unknown ids answer undefined or an empty list.
import {
  LANGUAGES,
  type Language,
  LLM_MODELS,
  type Mode,
  type Model,
  type Provider,
  SPEECH_MODELS,
  type SpeechModel,
  SYNTHESIZER_PROVIDERS,
  TRANSCRIBER_PROVIDERS,
  VOICES,
  type Voice,
} from './catalogue.ts';

const findById = <Row extends { id: number }>(rows: readonly Row[], id: number | null): Row | undefined =>
  rows.find((row) => row.id === id);

const sameWord = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** A language by its id. */
export const findLanguage = (id: number | null): Language | undefined => findById(LANGUAGES, id);

/** A language by its name or its two-letter code, whatever the case. */
export const findLanguageByWord = (word: string): Language | undefined =>
  LANGUAGES.find(({ name, iso_2 }) => sameWord(name, word) || sameWord(iso_2, word));

/** A text model by its id. */
export const findLlmModel = (id: number | null): Model | undefined => findById(LLM_MODELS, id);

/** A text model by its name or code, whatever the case. */
export const findLlmModelByWord = (word: string): Model | undefined =>
  LLM_MODELS.find(({ name, code }) => sameWord(name, word) || sameWord(code, word));

/** A speech model by its id. */
export const findSpeechModel = (id: number | null): SpeechModel | undefined => findById(SPEECH_MODELS, id);

/** The speech models of a mode; pipeline mode has none. */
export const speechModelsOf = (mode: Mode): SpeechModel[] => SPEECH_MODELS.filter(({ modes }) => modes.some((one) => one === mode));

/** A voice by its id. */
export const findVoice = (id: number | null): Voice | undefined => findById(VOICES, id);

/** The voices that fit; an absent filter asks for nothing. */
export const listVoices = ({ mode, languageId }: { mode?: Mode | undefined; languageId?: number | undefined }): Voice[] =>
  VOICES.filter(
    (voice) => (mode === undefined || voice.modes.includes(mode)) && (languageId === undefined || voice.language_id === languageId),
  );

/** A maker of speech by its id. */
export const findSynthesizer = (id: number | null): Provider | undefined => findById(SYNTHESIZER_PROVIDERS, id);

/** A maker of text by its id. */
export const findTranscriber = (id: number | null): Provider | undefined => findById(TRANSCRIBER_PROVIDERS, id);

/** The makers of speech that have a voice for the language; all of them without one. */
export const listSynthesizers = (languageId?: number): readonly Provider[] =>
  languageId === undefined
    ? SYNTHESIZER_PROVIDERS
    : SYNTHESIZER_PROVIDERS.filter(({ id }) =>
        VOICES.some((voice) => voice.synthesizer_provider_id === id && voice.language_id === languageId),
      );

/** The makers of text that know the language; all of them without one. */
export const listTranscribers = (languageId?: number): readonly Provider[] => {
  if (languageId === undefined) return TRANSCRIBER_PROVIDERS;
  const language = findLanguage(languageId);
  if (language === undefined) return [];
  return TRANSCRIBER_PROVIDERS.filter(({ languages }) => languages === undefined || languages.includes(language.iso_2));
};
