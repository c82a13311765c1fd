export const vessels = [
  'Aegean Dawn',
  'Sri Kandi',
  'Nordström',
  'Πήγασος',
  '海星丸',
  'Al Noor',
  'Côte d’Opale',
  'Балтика',
]
export const places = [
  'Off Fujairah',
  'Galveston lightering area',
  'Tanjung Pelepas OPL',
  'Скагеррак',
  'Lomé anchorage',
  '舟山锚地',
]
export const cargoes = ['Crude oil', 'Gas oil 10 ppm', 'Palm olein', 'Jet A-1', 'Fuel oil 380 cSt', 'LNG']
export const companies = [
  'Meridian Shipping',
  'Okafor & Sons',
  '東洋海運',
  'Baltic Brokers OÜ',
  'Al Jazeera Trading',
  null,
]

/** Each room has one of each, in this order. */
export const partyRoles = ['owner', 'broker', 'charterer', 'seller', 'buyer', 'admin'] as const

export const clauses: [clause: string, wording: string][] = [
  ['Price', 'Per tonne, delivered, bill of lading quantity'],
  ['Laytime', 'Running hours, Sundays and holidays included'],
  ['Demurrage', 'Pro rata, payable within 30 days'],
  ['Law', 'English law; London arbitration'],
  ['Fenders', 'Supplied by the owner: 4 × 3.3 m × 6.5 m'],
]

export const documentKinds = [
  'Q88',
  'Charter party',
  'Bill of lading',
  'Safety data sheet',
  'Class certificate',
  'STS plan',
]

export const remarks = [
  'Please find the revised draft attached.',
  'We can agree to 36 hours, not 48.',
  'Seller confirms. ✅',
  'Who pays for the fenders?',
  'Weather window closes on Friday – can we advance the laycan?',
  'Согласовано.',
  '了解しました。',
  'نوافق على الشروط.',
  'Subject to management approval "in writing"; see §7.',
]
