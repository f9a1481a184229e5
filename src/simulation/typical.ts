// How calls turn out where nobody has said: figures of an ordinary list. docs/simulation.md shows them.               [pure]

/** A simulation (docs/carriers.md) in place of the last two digits, which mean nothing on real numbers. */
export const TYPICAL: Record<string, unknown> = {
  mix: { human: 45, machine: 20, no_answer: 25, busy: 8, invalid_number: 2 },
  goal_rate: 0.3,
  ring_seconds: [5, 25],
  talk_seconds: [20, 180],
};

/** A campaign's own simulation, or the typical one; its seed is the run's to give. */
export const simulationOr = (own: Record<string, unknown> | null): Record<string, unknown> => {
  const { seed: _, ...rest } = own ?? TYPICAL;
  return rest;
};
