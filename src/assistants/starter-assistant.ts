// The assistant that somebody gets who has none yet: everything it names can be run on one's own machine.          [pure]

/** The body of a creation. It says at once that it is a machine, and ends the call when it is not wanted. */
export const starterAssistant = () => ({
  name: 'Starter assistant',
  type: 'outbound',
  mode: 'pipeline',
  language_id: 1,
  voice_id: 1001,
  llm_model_id: 1,
  initial_message: 'Hello, this is an automated assistant.',
  system_prompt:
    'You call people on behalf of a small team. Say at once that you are an automated assistant, ask whether now is a good time, ' +
    'and answer only what you know. If somebody does not want to be called, thank them and end the call.',
});
