import type { Random } from './random.ts'

export interface Person {
  name: string
  email: string
}

/** Names as the world writes them, each with the form that its owner uses in addresses. */
const names: [name: string, handle: string][] = [
  ['Amelia Okafor', 'amelia.okafor'],
  ['Björn Åkesson', 'bjorn.akesson'],
  ['Nur Aisyah binti Rahman', 'nur.aisyah'],
  ['陳美玲', 'meiling.chan'],
  ['Олена Коваленко', 'olena.kovalenko'],
  ['محمد الخطيب', 'm.alkhatib'],
  ['Γιώργος Παπαδόπουλος', 'g.papadopoulos'],
  ['நளினி சுப்பிரமணியம்', 'nalini.s'],
  ['דוד לוי', 'david.levi'],
  ['佐藤 健', 'ken.sato'],
  ['Zoë D’Souza-O’Brien', 'zoe.dsouza'],
  ['김서연', 'seoyeon.kim'],
  ['José María Núñez', 'jm.nunez'],
  ['प्रिया शर्मा', 'priya.sharma'],
  ['สมชาย ใจดี', 'somchai.j'],
  ['Łukasz Żółć', 'lukasz.zolc'],
  ['Ngô Thị Hương', 'huong.ngo'],
  ['Thabo Mbeki-Dlamini', 'thabo.d'],
  ['Ana Sofía Ríos', 'ana.rios'],
  ['Chloé Lefèvre', 'chloe.lefevre'],
  ['Emir Yılmaz', 'emir.yilmaz'],
  ['Дмитрий Соколов', 'd.sokolov'],
  ['Siti Hajar', 'siti.hajar'],
  ['Conor Ó Briain', 'conor.obriain'],
]

/**
 * @param domain of the address: one of those that are reserved for examples
 * @param number makes the address of one of many different from the others'
 */
export function person(random: Random, domain: string, number?: number): Person {
  const [name, handle] = random.pick(names)
  return { name, email: `${handle}${number ?? ''}@${domain}` }
}

/** Different people, as many as there are names at most. */
export function people(random: Random, count: number, domain: string): Person[] {
  return random.several(names, count).map(([name, handle]) => ({ name, email: `${handle}@${domain}` }))
}
