// The framework's sentences that more than one place says.                                                         [pure]

/** A field as the sentences name it: a top-level name with blanks, the path of a nested field as it is. */
export const attributeOf = (field: string): string => (field.includes('.') ? field : field.replaceAll('_', ' '));

/** The sentence for a missing field. */
export const requiredMessage = (field: string): string => `The ${attributeOf(field)} field is required.`;

/** The sentence for a value outside a fixed set, and for an id that belongs to nobody here. */
export const selectedInvalid = (field: string): string => `The selected ${attributeOf(field)} is invalid.`;
