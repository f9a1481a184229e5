import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ColumnPlan, MappingError, parseColumnMap, planColumns, toVariableName } from './column-mapping.ts';

// A plan as one line: `phone<-Phone name<-Name 1:phone<-Phone 2 1:name<-Who`.
const show = ({ phone, variables, contacts }: ColumnPlan): string =>
  [
    `phone<-${phone.header}`,
    ...variables.map(({ name, header }) => `${name}<-${header}`),
    ...contacts.flatMap((contact, i) => [
      `${i + 1}:phone<-${contact.phone.header}`,
      ...contact.variables.map(({ name, header }) => `${i + 1}:${name}<-${header}`),
    ]),
  ].join(' | ');

const plan = (headers: string[], map: unknown = {}, known: string[] = []): string =>
  show(planColumns(headers, parseColumnMap([map]), known));

describe('detection', () => {
  test.each<[headers: string[], expected: string]>([
    [['phone_number', 'first_name'], 'phone<-phone_number | first_name<-first_name'],
    [['Name', 'PHONE'], 'phone<-PHONE | name<-Name'],
    [['Prénom', 'Numéro de téléphone'], 'phone<-Numéro de téléphone | prenom<-Prénom'],
    [['Nume', 'Număr telefon'], 'phone<-Număr telefon | nume<-Nume'],
    [['Name', 'Handy-Nr', 'Handynummer'], 'phone<-Handynummer | name<-Name | handy_nr<-Handy-Nr'],
    [['Nombre', 'Celular'], 'phone<-Celular | nombre<-Nombre'],
    [['Tel.'], 'phone<-Tel.'],
    [['número'], 'phone<-número'],
    [['Número', 'Telefone'], 'phone<-Telefone | numero<-Número'],
    [['WhatsApp'], 'phone<-WhatsApp'],
    [
      ['First Name', 'First name', 'first_name', 'Phone'],
      'phone<-Phone | first_name<-First Name | first_name_2<-First name | first_name_3<-first_name',
    ],
    [['firstName', 'phone'], 'phone<-phone | first_name<-firstName'],
    [['Straße', 'phone', 'Имя'], 'phone<-phone | strasse<-Straße | имя<-Имя'],
    [['phone', '', '!!'], 'phone<-phone | column_2<-column 2 | column_3<-!!'],
    [['phone', '__proto__'], 'phone<-phone | proto<-__proto__'],
    [['phone', 'Phone 2', 'Alt phone'], 'phone<-phone | 1:phone<-Phone 2 | 2:phone<-Alt phone'],
    [['Work phone', 'Mobile'], 'phone<-Mobile | 1:phone<-Work phone'],
    [['Work phone', 'Name'], 'phone<-Work phone | name<-Name'],
    [['Mobile', 'phone_number'], 'phone<-phone_number | 1:phone<-Mobile'],
    [
      ['Phone 1 - Type', 'Phone 1 - Value', 'Phone 2 - Value'],
      'phone<-Phone 1 - Value | phone_1_type<-Phone 1 - Type | 1:phone<-Phone 2 - Value',
    ],
    [
      ['secondary_phone_2', 'secondary_phone_1', 'phone', 'secondary_1_name', 'secondary_2_Full Name'],
      'phone<-phone | 1:phone<-secondary_phone_1 | 1:name<-secondary_1_name | 2:phone<-secondary_phone_2 | 2:full_name<-secondary_2_Full Name',
    ],
    [['phone', 'secondary_phone_3', 'Work phone'], 'phone<-phone | 1:phone<-Work phone | 2:phone<-secondary_phone_3'],
    [['phone', 'secondary_2_name'], 'phone<-phone | secondary_2_name<-secondary_2_name'],
    [['phone', 'secondary_phone_11'], 'phone<-phone | secondary_phone_11<-secondary_phone_11'],
    [
      ['secondary_phone_0', 'phone', 'Secondary Phone Number 99'],
      'phone<-phone | secondary_phone_0<-secondary_phone_0 | secondary_phone_number_99<-Secondary Phone Number 99',
    ],
    [['phone', 'secondary_phone_1', 'Secondary Phone 1'], 'phone<-phone | 1:phone<-secondary_phone_1 | 2:phone<-Secondary Phone 1'],
  ])('%j', (headers, expected) => {
    expect(plan(headers)).toBe(expected);
  });

  test('ten secondary numbers at most, the rest are variables', () => {
    const { contacts, variables } = planColumns(['phone', ...Array.from({ length: 12 }, (_, i) => `Phone ${i + 2}`)], new Map());
    expect(contacts).toHaveLength(10);
    expect(variables.map(({ name }) => name)).toEqual(['phone_12', 'phone_13']);
  });

  test('a column named like a variable of the assistant takes its spelling', () => {
    expect(plan(['phone', 'customername', 'Work Phone'], {}, ['customerName', 'workPhone'])).toBe(
      'phone<-phone | customerName<-customername | workPhone<-Work Phone',
    );
  });

  test.each<[headers: string[], known: string[], expected: string]>([
    [['phone', 'mobile'], ['mobile'], 'phone<-phone | mobile<-mobile'],
    [['mobile', 'phone'], ['mobile'], 'phone<-phone | mobile<-mobile'],
    [['mobile', 'Telefon', 'name'], ['mobile'], 'phone<-Telefon | mobile<-mobile | name<-name'],
    [['mobile', 'name'], ['mobile'], 'phone<-mobile | name<-name'],
    [['mobile', 'no'], ['mobile'], 'phone<-mobile | no<-no'],
    [['Work phone', 'mobile'], ['mobile'], 'phone<-mobile | 1:phone<-Work phone'],
    [['Work phone', 'Home phone'], ['Work phone'], 'phone<-Home phone | Work phone<-Work phone'],
    [['phone_number', 'phone'], ['phone_number', 'phone'], 'phone<-phone_number | phone<-phone'],
    [['phone', 'secondary_phone_1'], ['secondary_phone_1'], 'phone<-phone | secondary_phone_1<-secondary_phone_1'],
    [
      ['secondary_phone_1', 'phone', 'secondary_1_name'],
      ['secondary_1_name'],
      'phone<-phone | secondary_1_name<-secondary_1_name | 1:phone<-secondary_phone_1',
    ],
    [
      ['phone', 'Customer Name', 'customerName'],
      ['customerName'],
      'phone<-phone | customerName_2<-Customer Name | customerName<-customerName',
    ],
    [
      ['phone', 'secondary_phone_1', 'secondary_1_customer name'],
      ['customerName'],
      'phone<-phone | 1:phone<-secondary_phone_1 | 1:customerName<-secondary_1_customer name',
    ],
    [['phone', 'firstName', 'first_name'], ['firstName', 'first_name'], 'phone<-phone | firstName<-firstName | first_name<-first_name'],
    [['phone', '', '??'], ['!!'], 'phone<-phone | column_2<-column 2 | column_3<-??'],
  ])("%j with the assistant's %j", (headers, known, expected) => {
    expect(plan(headers, {}, known)).toBe(expected);
  });

  test('what the map says comes before what the assistant has', () => {
    expect(plan(['phone', 'mobile'], { mobile: 'phone_number' }, ['mobile'])).toBe('phone<-mobile | 1:phone<-phone');
    expect(plan(['phone', 'mobile', 'cell'], { cell: 'mobile' }, ['mobile'])).toBe('phone<-phone | mobile_2<-mobile | mobile<-cell');
    expect(plan(['phone', 'mobile'], { mobile: 'secondary_phone_1' }, ['mobile'])).toBe('phone<-phone | 1:phone<-mobile');
  });

  test('no phone column: the headers are named, and how to map them', () => {
    expect(() => plan(['Name', 'City'])).toThrow(/Its columns are: "Name", "City"\..*\{"Name": "phone_number"\}/);
    expect(() => plan(['secondary_phone_1'])).toThrow(MappingError);
    expect(() => plan(['secondary_phone_11'])).toThrow(MappingError);
  });

  test('more than 200 columns', () => {
    const headers = Array.from({ length: 201 }, (_, i) => `c${i}`);
    expect(() => planColumns(headers, new Map())).toThrow('The file has 201 columns; 200 are allowed.');
  });

  test('whatever the headers, each column is used once and no name twice', () => {
    const header = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom('phone', 'Phone 2', 'secondary_1_x', 'secondary_phone_1', 'name'),
    );
    fc.assert(
      fc.property(fc.array(header, { maxLength: 20 }), (headers) => {
        const { phone, variables, contacts } = planColumns(['phone_number', ...headers], new Map());
        const columns = [phone, ...variables, ...contacts.flatMap((contact) => [contact.phone, ...contact.variables])];
        expect(columns.map(({ index }) => index).sort((a, b) => a - b)).toEqual([...Array(headers.length + 1).keys()]);
        expect(new Set(variables.map(({ name }) => name)).size).toBe(variables.length);
        expect(variables.every(({ name }) => name !== '' && !name.includes('\0') && name.isWellFormed())).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('map', () => {
  test.each<[map: unknown, expected: string]>([
    [{ City: 'phone_number' }, 'phone<-City | name<-Name | 1:phone<-Phone'],
    [{ City: null }, 'phone<-Phone | name<-Name'],
    [{ City: '' }, 'phone<-Phone | name<-Name'],
    [{ Name: 'full name', city: 'town' }, 'phone<-Phone | full name<-Name | town<-City'],
    [{ Name: 'City' }, 'phone<-Phone | City<-Name | city<-City'],
    [{ Name: 'city' }, 'phone<-Phone | city<-Name | city_2<-City'],
    [{ City: 'secondary_phone_3', Name: 'secondary_3_who' }, 'phone<-Phone | 1:phone<-City | 1:who<-Name'],
    ['City=town\nName=', 'phone<-Phone | town<-City'],
    ['{"City":"town"}', 'phone<-Phone | name<-Name | town<-City'],
  ])('%j', (map, expected) => {
    expect(plan(['Name', 'Phone', 'City'], map)).toBe(expected);
  });

  test.each<[map: unknown, message: RegExp]>([
    [{ Town: 'x' }, /"Town", which the file does not have\. Its columns are: "Name", "Phone"/],
    [{ Name: 'x', Phone: 'x' }, /"x" to more than one column/],
    [{ Name: 'phone_number', Phone: 'phone_number' }, /more than one column/],
    [{ Name: 'secondary_phone_11' }, /from 1 to 10/],
    [{ Name: 'secondary_phone_0' }, /from 1 to 10/],
    [{ Name: 'secondary_2_who' }, /secondary contact 2, but no phone column/],
    [{ Name: '__proto__' }, /not allowed/],
    [{ Name: 'a\0b' }, /not allowed/],
    [{ Name: 'x'.repeat(101) }, /not allowed/],
    [{ Name: 7 }, /must be a JSON object/],
    ['nonsense', /must be a JSON object/],
    ['=x', /must be a JSON object/],
    ['{"a":', /must be a JSON object/],
    [[], /must be a JSON object/],
    [7, /must be a JSON object/],
    [{ Phone: null }, /No column/],
  ])('%j is refused', (map, message) => {
    expect(() => plan(['Name', 'Phone'], map)).toThrow(message);
    expect(() => plan(['Name', 'Phone'], map)).toThrow(MappingError);
  });

  test('more than 200 columns', () => {
    const map = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`c${i}`, null]));
    expect(() => plan(['Name', 'Phone'], map)).toThrow('The map field names 201 columns; 200 are allowed.');
  });

  test('several lines add up, the last one wins', () => {
    expect([...parseColumnMap(['a=1', 'b=2', 'a=3', 'x=y=z', 'c='])]).toEqual([
      ['a', '3'],
      ['b', '2'],
      ['x=y', 'z'],
      ['c', null],
    ]);
  });
});

test.each([
  ['Customer ID', 'customer_id'],
  ['  Data nașterii ', 'data_nasterii'],
  ['GRÖSSE (cm)', 'grosse_cm'],
  ['a\0b', 'a_b'],
  ['\ud800x', 'x'],
  ['😀', ''],
])('variable name of %j', (header, name) => {
  expect(toVariableName(header)).toBe(name);
});

describe('a file that was exported', () => {
  const LEAD = ['id', 'campaign_id', 'campaign_name', 'phone_number', 'status', 'call_tries', 'created_at', 'updated_at'];
  const headers = [
    ...[...LEAD, 'First Name', 'mobile', 'var.status', 'var.secondary_phone_3', "'=sum"],
    ...['secondary_phone_1', 'secondary_1_status', 'secondary_1_Work City', 'secondary_1_var.status', 'secondary_phone_2'],
  ];
  const namesOf = (columns: readonly { name: string }[]) => columns.map(({ name }) => name);

  test('gives its variables back under their names, and leaves out what a new lead has of its own', () => {
    const plan = planColumns(headers, new Map());
    expect(plan.phone.header).toBe('phone_number');
    expect(namesOf(plan.variables)).toEqual(['First Name', 'mobile', 'status', 'secondary_phone_3', '=sum']);
    expect(plan.contacts.map(({ phone }) => phone.header)).toEqual(['secondary_phone_1', 'secondary_phone_2']);
    expect(namesOf(plan.contacts[0]?.variables ?? [])).toEqual(['Work City', 'status']);
  });

  test('is mapped otherwise where a person says so', () => {
    const plan = planColumns(
      headers,
      new Map([
        ['mobile', 'phone_number'],
        ['status', 'old_status'],
        ['First Name', null],
      ]),
    );
    expect(plan.phone.header).toBe('mobile');
    expect(namesOf(plan.variables)).toEqual(['old_status', 'status', 'secondary_phone_3', '=sum']);
    // A phone column that is not the number to call is a further one.
    expect(plan.contacts.map(({ phone }) => phone.header)).toEqual(['secondary_phone_1', 'secondary_phone_2', 'phone_number']);
  });

  test('with a name that no variable may have names that one as any file would', () => {
    expect(namesOf(planColumns([...LEAD, '__proto__', 'var.'], new Map()).variables)).toEqual(['proto', 'var']);
  });

  test('that lacks one of its columns is read as any file', () => {
    expect(namesOf(planColumns(LEAD.slice(1), new Map()).variables)).toContain('status');
  });
});
