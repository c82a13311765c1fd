import type { Random } from '../random.ts'

/** What firms call their drawers. */
export const categoryNames = [
  'Contracts',
  'Invoices',
  'Correspondence',
  'Court filings',
  'Personnel / HR',
  'Tax & audit',
  'Mietverträge',
  'Оплата',
  '契約書',
  'مستندات قانونية',
  'Photos 📷',
  'Privileged: counsel only',
  'Insurance',
  'Minutes',
  'Patents',
  'To be shredded?',
]

const subjects = [
  'Lease agreement',
  'Invoice',
  'Minutes of the meeting',
  'Power of attorney',
  'Gehaltsabrechnung',
  'Счёт-фактура',
  '契約書 最終版',
  'عقد الإيجار',
  'Σύμβαση έργου',
  'הסכם פשרה',
  'Expert opinion – draft',
  'Offer: revised (2)',
  'Q3 results?',
  'Reçu d’hôtel',
  'Site photo 🏗️',
  'con',
]

const extensions = ['pdf', 'pdf', 'pdf', 'docx', 'docx', 'xlsx', 'eml', 'msg', 'jpg', 'txt']

export interface Paper {
  subject: string
  fileName: string
  extension: string
}

/**
 * A document's subject and file name, as archives really have them: in any script, with characters that some
 * destinations refuse, and the same name more than once.
 */
export function paper(random: Random): Paper {
  const subject = random.pick(subjects)
  const extension = random.pick(extensions)
  const number = random.chance(0.8) ? ` ${random.integer(1, 2000)}` : ''
  return { subject, fileName: `${subject}${number}.${extension}`, extension }
}

/** What lies in the bucket under a storage key: any size, different for each key, the same every time. */
export function fileContent(storageKey: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${storageKey}\n`)
}
