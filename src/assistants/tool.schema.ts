// The schema of a tool in a body: `type` decides what else it must have.
import { type TProperties, type TSchema, Type } from 'typebox';
import { OneOf, Text } from '../http/fields.ts';
import { toSchema } from './kind.schema.ts';
import { BOOKING_FIELD, TOOLS, type Tool, type ToolField } from './tools.ts';

const fieldSchema = (field: ToolField): TSchema => {
  const { is } = field;
  if (is === 'tools') return Type.Unknown();
  if (is === 'booking-fields') {
    const options = Type.Optional(Type.Array(Type.Unknown(), { description: 'For select fields.' }));
    return Type.Array(Type.Object({ ...properties(BOOKING_FIELD), options }));
  }
  return toSchema({ ...field, is });
};

const properties = (fields: Readonly<Record<string, ToolField>>): TProperties =>
  Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const schema = Type.Unsafe({ ...fieldSchema(field), ...(field.initial === undefined ? {} : { default: field.initial }) });
      return [name, field.required === true ? schema : Type.Optional(schema)];
    }),
  );

// Values are read before the kind of tool is known, so that part of every field stands outside the branches.
const leniencyOf = (schema: object): object =>
  Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]): [string, unknown][] => {
      if (keyword === 'x-lenient') return [[keyword, value]];
      if (keyword === 'items') return [[keyword, leniencyOf(value)]];
      if (keyword !== 'properties') return [];
      return [[keyword, Object.fromEntries(Object.entries(value as Record<string, object>).map(([name, one]) => [name, leniencyOf(one)]))]];
    }),
  );

const kinds = Object.entries(TOOLS).map(([type, fields]) => [type, Type.Object(properties(fields))] as const);

/** A tool in a body. */
export const ToolIn = Type.Unsafe<Tool>({
  type: 'object',
  required: ['type'],
  properties: {
    ...Object.assign({}, ...kinds.map(([, kind]) => (leniencyOf(kind) as { properties: object }).properties)),
    type: OneOf(Object.keys(TOOLS)),
    description: Text({ description: 'When the assistant should use the tool.' }),
  },
  allOf: kinds.map(([type, kind]) => ({
    if: { required: ['type'], properties: { type: { const: type } } },
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
    then: kind,
  })),
});
