//! The words that the fields of sample events are made of.

/// Types of user events, all equally frequent.
#[rustfmt::skip]
pub(crate) const EVENT_TYPES: &[&str] = &[
    "login", "logout", "page_view", "click", "search", "add_to_cart", "remove_from_cart",
];

#[rustfmt::skip]
pub(crate) const PAGES: &[&str] = &[
    "home", "products", "product_detail", "cart", "checkout", "profile", "settings", "help",
];

#[rustfmt::skip]
pub(crate) const DEVICES: &[&str] = &[
    "desktop", "mobile", "tablet",
];

#[rustfmt::skip]
pub(crate) const BROWSERS: &[&str] = &[
    "Chrome", "Firefox", "Safari", "Edge",
];

#[rustfmt::skip]
pub(crate) const STATUSES: &[&str] = &[
    "completed", "pending", "failed", "cancelled",
];

#[rustfmt::skip]
pub(crate) const PAYMENT_METHODS: &[&str] = &[
    "credit_card", "debit_card", "paypal", "apple_pay", "google_pay", "bank_transfer",
];

#[rustfmt::skip]
pub(crate) const CURRENCIES: &[&str] = &[
    "USD", "EUR", "GBP", "CAD", "AUD",
];

/// Product categories; also the second word of a product's name.
#[rustfmt::skip]
pub(crate) const CATEGORIES: &[&str] = &[
    "electronics", "clothing", "books", "home", "sports", "toys", "food", "beauty",
];

/// The 50 states of the US, then the capital's district and the territories, which are not states.
#[rustfmt::skip]
pub(crate) const STATES: &[&str] = &[
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA",
    "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ",
    "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT",
    "VA", "WA", "WV", "WI", "WY", "DC", "AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI",
];

/// Country codes of ISO 3166-1.
#[rustfmt::skip]
pub(crate) const COUNTRIES: &[&str] = &[
    "AD", "AE", "AF", "AG", "AL", "AM", "AO", "AR", "AT", "AU", "AZ", "BA", "BB", "BD", "BE",
    "BF", "BG", "BH", "BI", "BJ", "BN", "BO", "BR", "BS", "BT", "BW", "BY", "BZ", "CA", "CD",
    "CF", "CG", "CH", "CI", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CY", "CZ", "DE", "DJ",
    "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "ER", "ES", "ET", "FI", "FJ", "FM", "FR", "GA",
    "GB", "GD", "GE", "GH", "GM", "GN", "GQ", "GR", "GT", "GW", "GY", "HN", "HR", "HT", "HU",
    "ID", "IE", "IL", "IN", "IQ", "IR", "IS", "IT", "JM", "JO", "JP", "KE", "KG", "KH", "KI",
    "KM", "KN", "KP", "KR", "KW", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU",
    "LV", "LY", "MA", "MC", "MD", "ME", "MG", "MH", "MK", "ML", "MM", "MN", "MR", "MT", "MU",
    "MV", "MW", "MX", "MY", "MZ", "NA", "NE", "NG", "NI", "NL", "NO", "NP", "NR", "NZ", "OM",
    "PA", "PE", "PG", "PH", "PK", "PL", "PS", "PT", "PW", "PY", "QA", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SI", "SK", "SL", "SM", "SN", "SO", "SR", "ST", "SV",
    "SY", "SZ", "TD", "TG", "TH", "TJ", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ",
    "UA", "UG", "US", "UY", "UZ", "VA", "VC", "VE", "VN", "VU", "WS", "YE", "ZA", "ZM", "ZW",
];

/// Plain words: search queries, element names, first words of product names.
#[rustfmt::skip]
pub(crate) const PLAIN_WORDS: &[&str] = &[
    "accept", "action", "again", "all", "already", "among", "another", "anyone", "apply",
    "around", "ask", "audience", "away", "bar", "become", "believe", "best", "beyond", "blood",
    "board", "born", "brother", "budget", "build", "buy", "can", "care", "carry", "case",
    "center", "chair", "check", "city", "civil", "clearly", "color", "compare", "conference",
    "consider", "country", "create", "current", "debate", "degree", "describe", "despite",
    "different", "discuss", "door", "drug", "early", "easy", "education", "election", "enjoy",
    "environmental", "especially", "evening", "ever", "evidence", "expect", "face", "factor",
    "fear", "field", "film", "final", "find", "fire", "fly", "food", "force", "forget",
    "former", "free", "front", "fund", "general", "generation", "glass", "great", "guy", "hand",
    "hard", "heavy", "high", "history", "hit", "hotel", "huge", "husband", "identify",
    "important", "including", "increase", "instead", "interest", "item", "itself", "keep",
    "kitchen", "knowledge", "language", "lawyer", "leader", "leg", "lie", "light", "list",
    "listen", "look", "machine", "make", "market", "me", "media", "member", "might", "mind",
    "miss", "money", "month", "morning", "mouth", "movie", "music", "nation", "near", "nearly",
    "need", "network", "never", "next", "nor", "now", "number", "offer", "office", "oil",
    "only", "open", "option", "order", "out", "owner", "parent", "particular", "partner", "pay",
    "peace", "people", "per", "person", "phone", "picture", "piece", "plan", "player", "point",
    "police", "popular", "prepare", "present", "president", "price", "produce", "product",
    "professional", "project", "protect", "prove", "push", "question", "quickly", "quite",
    "rate", "reach", "ready", "real", "recently", "record", "red", "reflect", "relate",
    "remain", "require", "research", "rest", "rich", "right", "role", "run", "save", "scene",
    "science", "season", "seat", "sell", "sense", "service", "share", "side", "sign", "simply",
    "since", "site", "six", "skill", "smile", "social", "song", "soon", "source", "southern",
    "space", "speak", "sport", "star", "step", "still", "strong", "subject", "summer", "table",
    "talk", "television", "term", "test", "thank", "their", "these", "thing", "thousand",
    "threat", "today", "tonight", "total", "toward", "town", "training", "travel", "treatment",
    "tree", "trial", "trip", "true", "try", "under", "unit", "value", "various", "very", "vote",
    "walk", "wall", "watch", "way", "wear", "west", "where", "whole", "whom", "win", "window",
    "wish", "within", "woman", "work", "world", "write", "wrong", "yes", "you",
];

/// First names, in names of streets and towns.
#[rustfmt::skip]
pub(crate) const FIRST_NAMES: &[&str] = &[
    "Aaron", "Adam", "Alexander", "Alicia", "Amanda", "Amy", "Andrea", "Andrew", "Angela",
    "Anna", "Anthony", "Ashley", "Austin", "Barbara", "Benjamin", "Brandon", "Brian", "Bridget",
    "Charles", "Cheryl", "Christina", "Christopher", "Cynthia", "Daniel", "Danny", "David",
    "Deanna", "Elizabeth", "Emily", "Emma", "Eric", "Erin", "Evelyn", "Gary", "George",
    "Gregory", "Hannah", "Heather", "Jacob", "Jaime", "James", "Jamie", "Jason", "Jeffrey",
    "Jennifer", "Jessica", "Jesus", "John", "Jonathan", "Jordan", "Jose", "Joseph", "Joshua",
    "Julie", "Justin", "Karen", "Katherine", "Kelly", "Kenneth", "Kevin", "Kimberly", "Laura",
    "Lauren", "Linda", "Lisa", "Lori", "Maria", "Mark", "Mary", "Matthew", "Maureen", "Megan",
    "Melissa", "Michael", "Michelle", "Nancy", "Natalie", "Nicholas", "Nicole", "Patricia",
    "Patrick", "Paul", "Peter", "Rachel", "Rebecca", "Richard", "Robert", "Ryan", "Samantha",
    "Sandra", "Sarah", "Scott", "Sean", "Sharon", "Shaun", "Stephanie", "Stephen", "Steven",
    "Susan", "Tammy", "Tanner", "Taylor", "Thomas", "Timothy", "Tyler", "Victoria", "Virginia",
    "William", "Zachary",
];

/// Last names, in names of streets and towns.
#[rustfmt::skip]
pub(crate) const LAST_NAMES: &[&str] = &[
    "Adams", "Allen", "Anderson", "Austin", "Bailey", "Baker", "Barnes", "Bell", "Bennett",
    "Boyd", "Brooks", "Brown", "Bryant", "Burch", "Butler", "Campbell", "Carr", "Carter",
    "Chang", "Clark", "Coleman", "Collins", "Cook", "Cooper", "Cox", "Crawford", "Cruz",
    "Davis", "Diaz", "Dixon", "Edwards", "Ellis", "Evans", "Fisher", "Flores", "Ford", "Foster",
    "Garcia", "Gibson", "Gomez", "Gonzalez", "Gordon", "Graham", "Grant", "Gray", "Green",
    "Griffin", "Hall", "Hamilton", "Hardin", "Harris", "Harrison", "Hayes", "Henderson",
    "Henry", "Hernandez", "Hicks", "Hill", "Holmes", "Howard", "Hughes", "Hunt", "Hunter",
    "Jackson", "James", "Jenkins", "Johnson", "Jones", "Jordan", "Kelly", "Kemp", "Kennedy",
    "King", "Knight", "Lee", "Lewis", "Long", "Lopez", "Marshall", "Martin", "Martinez",
    "Mason", "Mcdonald", "Miller", "Mitchell", "Moore", "Morales", "Morgan", "Morris", "Murphy",
    "Murray", "Myers", "Nelson", "Nguyen", "Oneal", "Oneill", "Ortiz", "Owens", "Palmer",
    "Parker", "Patel", "Patterson", "Perez", "Perry", "Peterson", "Phillips", "Porter",
    "Powell", "Price", "Ramirez", "Ramos", "Reed", "Reyes", "Reynolds", "Rice", "Richardson",
    "Rivera", "Roberts", "Robinson", "Rodriguez", "Rogers", "Romero", "Ross", "Russell",
    "Sanchez", "Sanders", "Scott", "Simmons", "Simpson", "Smith", "Stevens", "Stewart",
    "Sullivan", "Taylor", "Thomas", "Thompson", "Torres", "Turner", "Vasquez", "Wagner",
    "Walker", "Wallace", "Ward", "Warren", "Washington", "Watson", "Webb", "Wells", "West",
    "White", "Williams", "Wilson", "Wolf", "Wood", "Woods", "Wright", "Young",
];

/// The last words of street names.
#[rustfmt::skip]
pub(crate) const STREETS: &[&str] = &[
    "Alley", "Avenue", "Branch", "Bridge", "Brook", "Bypass", "Camp", "Canyon", "Cape",
    "Causeway", "Center", "Circle", "Club", "Common", "Corner", "Court", "Cove", "Creek",
    "Crescent", "Crest", "Crossing", "Dale", "Dam", "Divide", "Drive", "Estate", "Expressway",
    "Extension", "Falls", "Ferry", "Field", "Flat", "Ford", "Forest", "Forge", "Fork", "Fort",
    "Freeway", "Garden", "Gateway", "Glen", "Green", "Groves", "Harbor", "Haven", "Heights",
    "Highway", "Hill", "Hollow", "Inlet", "Island", "Isle", "Junction", "Key", "Knoll", "Lake",
    "Land", "Landing", "Lane", "Light", "Loaf", "Lock", "Lodge", "Mall", "Manor", "Meadow",
    "Mews", "Mill", "Mission", "Motorway", "Mount", "Mountain", "Neck", "Orchard", "Oval",
    "Overpass", "Park", "Parkway", "Pass", "Passage", "Path", "Pike", "Pine", "Place", "Plain",
    "Plaza", "Point", "Port", "Prairie", "Ramp", "Ranch", "Rapids", "Rest", "Ridge", "River",
    "Road", "Route", "Row", "Rue", "Run", "Shoal", "Shore", "Skyway", "Spring", "Spur",
    "Square", "Station", "Stream", "Street", "Summit", "Terrace", "Throughway", "Trace",
    "Track", "Trafficway", "Trail", "Tunnel", "Turnpike", "Underpass", "Union", "Valley", "Via",
    "Viaduct", "View", "Village", "Ville", "Vista", "Walk", "Wall", "Way", "Well",
];

/// The first words of half of the towns.
#[rustfmt::skip]
pub(crate) const TOWN_PREFIXES: &[&str] = &[
    "New", "Lake", "North", "South", "West", "East", "Port",
];

/// The endings of town names.
#[rustfmt::skip]
pub(crate) const TOWN_SUFFIXES: &[&str] = &[
    "mouth", "stad", "side", "burgh", "land", "ton", "view", "town", "bury", "borough", "shire",
    "furt", "haven", "fort", "port", "berg", "ville", "chester",
];
