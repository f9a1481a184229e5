// Headers that people give to phone columns, in several languages. Compared folded: no case, accents or punctuation. [pure]

/** A header for comparing: lower case, without accents, only letters and digits. */
export const foldHeader = (header: string): string =>
  header
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

// The number to call.
const MAIN = new Set(
  `phone phonenumber phoneno mobile mobilephone mobilenumber mobilephonenumber mobileno tel telno telnumber telephone
  telephonenumber telephoneno cell cellphone cellnumber cellphonenumber contactnumber contactphone contactphonenumber gsm
  gsmnumber msisdn whatsapp whatsappnumber primaryphone primaryphonenumber mainphone mainphonenumber customerphone
  clientphone leadphone e164
  telefon telefonnummer telefonnr mobil mobilnummer mobiltelefon mobilfunk handy handynummer rufnummer
  telefonmobil numartelefon numardetelefon numartel nrtelefon nrdetelefon nrtel
  telefono numerodetelefono numerotelefono telefonomovil movil numeromovil celular numerocelular numerodecelular
  telefone numerodetelefone telemovel cellulare numeroditelefono
  numerodetelephone numerotelephone telephoneportable telephonemobile portable notelephone
  telefoon telefoonnummer gsmnummer numertelefonu telefonszam puhelin puhelinnumero телефон номертелефона`.split(/\s+/),
);

// A further number of the same person; the number to call only where no better column exists.
const FURTHER = new Set(
  `workphone workphonenumber homephone homephonenumber businessphone officephone landline altphone altphonenumber
  alternatephone alternatephonenumber alternativephone secondphone secondphonenumber secondaryphone secondaryphonenumber
  otherphone otherphonenumber backupphone phonealt phonework phonehome phoneother worktelephone hometelephone workmobile
  telefonfix telefonacasa telefonserviciu telefonmunca telefonsecundar aldoileatelefon
  festnetz festnetznummer telefonprivat telefongeschaftlich telefondienstlich
  telefonofijo telefonotrabajo telefonocasa telefonosecundario otrotelefono telefonefixo telefonofisso
  telephonefixe fixe telephonedomicile telephonebureau autretelephone`.split(/\s+/),
);

// May as well be the number of a house or an invoice: only where nothing else is a phone column.
const VAGUE = new Set(['number', 'numero', 'numar', 'nummer', 'numer', 'contact', 'contactno', 'nr', 'no']);

/** How well a header says that it holds a phone number; `further` is a person's second number. */
export type PhoneRank = 'exact' | 'main' | 'further' | 'vague';

/** The rank of a header, undefined for one that says nothing of phones. */
export const rankPhoneHeader = (header: string): PhoneRank | undefined => {
  const folded = foldHeader(header);
  if (folded === 'phonenumber') return 'exact';
  if (MAIN.has(folded)) return 'main';
  if (FURTHER.has(folded)) return 'further';
  if (VAGUE.has(folded)) return 'vague';
  // Phone 2, Telefon2, and what address books export: Phone 1 - Value.
  const numbered = /^(.+?)(\d{1,2})(?:value)?$/.exec(folded);
  if (numbered === null || !(MAIN.has(numbered[1] ?? '') || FURTHER.has(numbered[1] ?? ''))) return undefined;
  return numbered[2] === '1' ? 'main' : 'further';
};
