import { expect, test } from 'vitest';
import { placeOf } from './place.ts';

test.each([
  ['postgres://u:secret@db.example:5432/outdial', 'postgres://u@db.example:5432/outdial'],
  ['postgresql://u@db.example/outdial', 'postgresql://u@db.example/outdial'],
  ['postgres://db.example/outdial?password=secret&sslmode=require', 'postgres://db.example/outdial'],
  [
    'postgres://u:se%40cret@a.example:1,b.example:2/outdial?target_session_attrs=read-write',
    'postgres://u@a.example:1,b.example:2/outdial',
  ],
  ['postgres://u:p:secret@db.example/outdial', 'postgres://u@db.example/outdial'],
  ['not a url: secret', 'postgres://'],
])('%s', (url, place) => {
  expect(placeOf(url)).toBe(place);
});
