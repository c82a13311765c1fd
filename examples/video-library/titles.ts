import type { Random } from '../random.ts'

/** The first is the one that is always there. */
export const categoryNames = [
  'Uncategorised',
  'Gaming',
  'Music 🎵',
  'Cooking',
  'Science & Nature',
  'History',
  '日本料理',
  'Кино и театр',
  'موسيقى عربية',
  'Μαθηματικά',
  'Travel',
  'Do it yourself',
  'Astronomy 🔭',
  'Programming',
  'Bahasa Melayu',
  'Football ⚽',
  'Woodwork',
  'Documentaries',
  '한국 드라마',
  'Kids’ corner 🧸',
]

const titles = [
  'How $ really works',
  '$ in ten minutes',
  'Why nobody told you about $',
  'The whole history of $',
  '$ – Teil 1: Grundlagen',
  '【初心者向け】$ 入門',
  'Всё о теме: $',
  'شرح $ بالتفصيل',
  '$ | full lecture',
  'I tried $ for 30 days 😱',
  '"$" explained <live>',
  '$: questions & answers',
]

const topics = [
  'sourdough',
  'black holes',
  'the Silk Road',
  'type inference',
  'ラーメン',
  'нейросети',
  'المقامات',
  'harmonic series',
  'dovetail joints',
  'PostgreSQL',
  'coral reefs',
  'penalty kicks',
  'nasi lemak 🍛',
  'the Bayeux tapestry',
]

export const channels = [
  'Long Way Round',
  '理科の部屋',
  'Канал 42',
  'Atelier Öst',
  'The Quiet Lab',
  'قناة المعرفة',
  'ByteSize',
]
export const tags = ['tutorial', 'live', '4k', 'longread', 'été', '料理', 'q&a', 'a "best of"', 'shorts']

export function title(random: Random): string {
  return random.pick(titles).replace('$', random.pick(topics))
}

/** Eleven characters, as YouTube's ids have. */
export function youtubeId(random: Random): string {
  return random.text(11, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
}

/** Beyond the list, numbered ones. */
export function categoryName(number: number): string {
  const round = Math.floor(number / categoryNames.length)
  return `${categoryNames[number % categoryNames.length]}${round === 0 ? '' : ` ${round + 1}`}`
}
