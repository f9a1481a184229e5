// What an assistant can be built from: languages, models, voices and providers that a self-hoster can set up and run.
// Data only. Ids are kept for ever, since assistants store them: add rows, never renumber or reuse.

/** How an assistant listens and speaks: three stages, one speech model, or a speech model with a voice of its own choice. */
export type Mode = 'pipeline' | 'multimodal' | 'dualplex';

/** All modes, in the documents' order. */
export const MODES = ['pipeline', 'multimodal', 'dualplex'] as const satisfies readonly Mode[];

/** A language, with its ISO 639-1 code. */
export interface Language {
  id: number;
  name: string;
  iso_2: string;
}

/** Every language, English first. */
export const LANGUAGES: readonly Language[] = [
  { id: 1, name: 'English', iso_2: 'en' },
  { id: 2, name: 'German', iso_2: 'de' },
  { id: 3, name: 'French', iso_2: 'fr' },
  { id: 4, name: 'Spanish', iso_2: 'es' },
  { id: 5, name: 'Italian', iso_2: 'it' },
  { id: 6, name: 'Portuguese', iso_2: 'pt' },
  { id: 7, name: 'Dutch', iso_2: 'nl' },
  { id: 8, name: 'Polish', iso_2: 'pl' },
  { id: 9, name: 'Romanian', iso_2: 'ro' },
  { id: 10, name: 'Swedish', iso_2: 'sv' },
  { id: 11, name: 'Danish', iso_2: 'da' },
  { id: 12, name: 'Norwegian', iso_2: 'no' },
  { id: 13, name: 'Finnish', iso_2: 'fi' },
  { id: 14, name: 'Czech', iso_2: 'cs' },
  { id: 15, name: 'Slovak', iso_2: 'sk' },
  { id: 16, name: 'Hungarian', iso_2: 'hu' },
  { id: 17, name: 'Greek', iso_2: 'el' },
  { id: 18, name: 'Turkish', iso_2: 'tr' },
  { id: 19, name: 'Ukrainian', iso_2: 'uk' },
  { id: 20, name: 'Russian', iso_2: 'ru' },
  { id: 21, name: 'Bulgarian', iso_2: 'bg' },
  { id: 22, name: 'Croatian', iso_2: 'hr' },
  { id: 23, name: 'Slovenian', iso_2: 'sl' },
  { id: 24, name: 'Serbian', iso_2: 'sr' },
  { id: 25, name: 'Catalan', iso_2: 'ca' },
  { id: 26, name: 'Arabic', iso_2: 'ar' },
  { id: 27, name: 'Hebrew', iso_2: 'he' },
  { id: 28, name: 'Hindi', iso_2: 'hi' },
  { id: 29, name: 'Chinese', iso_2: 'zh' },
  { id: 30, name: 'Japanese', iso_2: 'ja' },
  { id: 31, name: 'Korean', iso_2: 'ko' },
  { id: 32, name: 'Vietnamese', iso_2: 'vi' },
  { id: 33, name: 'Indonesian', iso_2: 'id' },
];

/** A language model, by the name that its server gives it. */
export interface Model {
  id: number;
  name: string;
  code: string;
}

/** Text models of pipeline mode. The first is the default. The open ones run under Ollama, llama.cpp or vLLM. */
export const LLM_MODELS: readonly Model[] = [
  { id: 1, name: 'Llama 3.1 8B', code: 'llama3.1:8b' },
  { id: 2, name: 'Qwen2.5 7B', code: 'qwen2.5:7b' },
  { id: 3, name: 'Mistral Nemo 12B', code: 'mistral-nemo:12b' },
  { id: 4, name: 'Gemma 2 9B', code: 'gemma2:9b' },
  { id: 5, name: 'Llama 3.2 3B', code: 'llama3.2:3b' },
  { id: 6, name: 'GPT-4o mini', code: 'gpt-4o-mini' },
  { id: 7, name: 'GPT-4.1 mini', code: 'gpt-4.1-mini' },
  { id: 8, name: 'GPT-4o', code: 'gpt-4o' },
  { id: 9, name: 'Any other model behind an OpenAI-compatible endpoint', code: 'custom' },
];

/** A model that hears speech itself, and the modes it serves. */
export interface SpeechModel extends Model {
  modes: readonly Exclude<Mode, 'pipeline'>[];
}

/** Speech models. The first of a mode is its default. One that can also answer in text serves dualplex too. */
export const SPEECH_MODELS: readonly SpeechModel[] = [
  {
    id: 1,
    name: 'A server that speaks the OpenAI Realtime protocol',
    code: 'openai-realtime-compatible',
    modes: ['multimodal', 'dualplex'],
  },
  { id: 2, name: 'GPT Realtime', code: 'gpt-realtime', modes: ['multimodal', 'dualplex'] },
  { id: 3, name: 'Ultravox v0.5 8B', code: 'ultravox-v0_5-llama-3_1-8b', modes: ['dualplex'] },
  { id: 4, name: 'Qwen2-Audio 7B', code: 'qwen2-audio-7b-instruct', modes: ['dualplex'] },
];

/** Software that makes speech of text, or text of speech. */
export interface Provider {
  id: number;
  name: string;
  code: string;
}

const PIPER = 1;
const SPEECH_ENDPOINT = 2;

/** Makers of speech. Which languages they have follows from the voices. */
export const SYNTHESIZER_PROVIDERS: readonly Provider[] = [
  { id: PIPER, name: 'Piper, on this machine', code: 'piper' },
  { id: SPEECH_ENDPOINT, name: 'An OpenAI-compatible speech endpoint', code: 'openai-compatible' },
];

/** Makers of text, and their languages by ISO code; undefined: all of ours. */
export const TRANSCRIBER_PROVIDERS: readonly (Provider & { languages?: readonly string[] })[] = [
  { id: 1, name: 'whisper.cpp, on this machine', code: 'whisper-cpp' },
  {
    id: 2,
    name: 'Vosk, on this machine',
    code: 'vosk',
    // The languages that Vosk publishes models for.
    languages: [
      'en',
      'de',
      'fr',
      'es',
      'it',
      'pt',
      'nl',
      'pl',
      'sv',
      'cs',
      'el',
      'tr',
      'uk',
      'ru',
      'ca',
      'ar',
      'hi',
      'zh',
      'ja',
      'ko',
      'vi',
    ],
  },
  { id: 3, name: 'An OpenAI-compatible transcription endpoint', code: 'openai-compatible' },
];

/** A voice in one language, and the modes that can use it. */
export interface Voice {
  id: number;
  name: string;
  language_id: number;
  gender: string;
  preview_url: string | null;
  accent: string | null;
  age: string | null;
  synthesizer_provider_id: number | null;
  modes: readonly Mode[];
}

// Voices that the OpenAI speech and realtime protocols have in common; a model of those speaks every language of ours.
const ENDPOINT_VOICES = [
  ['alloy', 'neutral'],
  ['ash', 'male'],
  ['coral', 'female'],
  ['echo', 'male'],
  ['sage', 'female'],
  ['shimmer', 'female'],
] as const;

// Ten ids are kept for each language: 1 to 6 are English, 11 to 16 German.
const endpointVoices = LANGUAGES.flatMap(({ id: language }) =>
  ENDPOINT_VOICES.map(
    ([name, gender], index): Voice => ({
      id: (language - 1) * 10 + index + 1,
      name,
      language_id: language,
      gender,
      preview_url: null,
      accent: null,
      age: null,
      synthesizer_provider_id: SPEECH_ENDPOINT,
      modes: MODES,
    }),
  ),
);

// Piper's own names of published voices: locale, speaker, quality. `unspecified` where the publisher names no gender.
const PIPER_VOICES: readonly (readonly [id: number, language: string, name: string, gender: string])[] = [
  [1001, 'en', 'en_US-lessac-medium', 'female'],
  [1002, 'en', 'en_US-ryan-medium', 'male'],
  [1003, 'en', 'en_US-hfc_female-medium', 'female'],
  [1004, 'en', 'en_US-joe-medium', 'male'],
  [1005, 'en', 'en_GB-alba-medium', 'female'],
  [1006, 'en', 'en_GB-alan-medium', 'male'],
  [1007, 'de', 'de_DE-thorsten-medium', 'male'],
  [1008, 'de', 'de_DE-eva_k-x_low', 'female'],
  [1009, 'de', 'de_DE-kerstin-low', 'female'],
  [1010, 'fr', 'fr_FR-siwis-medium', 'female'],
  [1011, 'fr', 'fr_FR-tom-medium', 'male'],
  [1012, 'es', 'es_ES-davefx-medium', 'male'],
  [1013, 'es', 'es_MX-ald-medium', 'unspecified'],
  [1014, 'it', 'it_IT-paola-medium', 'female'],
  [1015, 'it', 'it_IT-riccardo-x_low', 'male'],
  [1016, 'pt', 'pt_BR-faber-medium', 'male'],
  [1017, 'pt', 'pt_PT-tugão-medium', 'male'],
  [1018, 'nl', 'nl_NL-pim-medium', 'male'],
  [1019, 'nl', 'nl_BE-nathalie-medium', 'female'],
  [1020, 'pl', 'pl_PL-gosia-medium', 'female'],
  [1021, 'pl', 'pl_PL-darkman-medium', 'male'],
  [1022, 'ro', 'ro_RO-mihai-medium', 'male'],
  [1023, 'sv', 'sv_SE-lisa-medium', 'female'],
  [1024, 'da', 'da_DK-talesyntese-medium', 'unspecified'],
  [1025, 'no', 'no_NO-talesyntese-medium', 'unspecified'],
  [1026, 'fi', 'fi_FI-harri-medium', 'male'],
  [1027, 'cs', 'cs_CZ-jirka-medium', 'male'],
  [1028, 'sk', 'sk_SK-lili-medium', 'female'],
  [1029, 'hu', 'hu_HU-anna-medium', 'female'],
  [1030, 'hu', 'hu_HU-imre-medium', 'male'],
  [1031, 'el', 'el_GR-rapunzelina-low', 'female'],
  [1032, 'tr', 'tr_TR-fahrettin-medium', 'male'],
  [1033, 'uk', 'uk_UA-lada-x_low', 'female'],
  [1034, 'ru', 'ru_RU-irina-medium', 'female'],
  [1035, 'ru', 'ru_RU-dmitri-medium', 'male'],
  [1036, 'sl', 'sl_SI-artur-medium', 'male'],
  [1037, 'ca', 'ca_ES-upc_ona-medium', 'female'],
  [1038, 'ca', 'ca_ES-upc_pau-x_low', 'male'],
  [1039, 'ar', 'ar_JO-kareem-medium', 'male'],
  [1040, 'zh', 'zh_CN-huayan-medium', 'female'],
  [1041, 'vi', 'vi_VN-vais1000-medium', 'unspecified'],
];

const languageId = (code: string): number => LANGUAGES.find(({ iso_2 }) => iso_2 === code)?.id ?? 0;

const piperVoices = PIPER_VOICES.map(
  ([id, language, name, gender]): Voice => ({
    id,
    name,
    language_id: languageId(language),
    gender,
    preview_url: null,
    accent: name.slice(0, 5).replace('_', '-'),
    age: null,
    synthesizer_provider_id: PIPER,
    // A model that speaks by itself has no use for a voice from outside.
    modes: ['pipeline', 'dualplex'],
  }),
);

/** Every voice, once for each language it speaks. */
export const VOICES: readonly Voice[] = [...endpointVoices, ...piperVoices];
