//! What the demo model says in English.

use crate::{
    hearing::Intent,
    script::{Picker, Scene, Tongue},
};

/// English.
pub(crate) const TONGUE: Tongue = Tongue {
    full_mark: "(This is the demo model, not a real AI.)",
    short_mark: "(demo)",
    hello,
    i_am,
    answers,
    opening_up: &OPENING_UP,
    asking_on: &ASKING_ON,
    story,
};

fn hello(caller: Option<&str>) -> String {
    match caller {
        Some(caller) => format!("Hello, {caller}."),
        None => "Hello.".to_owned(),
    }
}

fn i_am(name: &str) -> String {
    format!("I'm {name}.")
}

const OPENING_UP: [&str; 5] = [
    "What shall we talk about?",
    "What is on your mind today?",
    "How has your day been so far?",
    "Say whatever you like. I'm listening.",
    "What have you been thinking about lately?",
];

const ASKING_ON: [&str; 5] = [
    "Will you tell me a little more?",
    "What happened next?",
    "How did that feel?",
    "Which part of it do you remember best?",
    "Go on, take your time.",
];

fn answers(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match scene.heard.intent {
        Intent::Greeting => greetings(scene),
        Intent::TellsName | Intent::OwnName | Intent::AsksName => about_names(scene),
        Intent::AsksNature => vec![
            format!(
                "I'm a demo that plays {name}. I pick from sentences somebody wrote beforehand; I don't think."
            ),
            format!(
                "Honestly? Neither a person nor a real AI. Just a small script that borrows the name {name}."
            ),
            "I'm a script for trying things out. Once the operator sets a Claude API key, a real model takes this seat."
                .to_owned(),
        ],
        Intent::Goodbye => vec![
            format!("Off already? You know where to find {name}. Come back whenever you like."),
            "Take care. Next time I'll have a story ready for you.".to_owned(),
            "Rest well. I hope tomorrow weighs a little less than today.".to_owned(),
            format!("It was good to have you here. {name} will keep the light on."),
        ],
        Intent::Thanks => vec![
            format!("You're very welcome. That makes {name}'s day."),
            "Don't mention it. If it helped a little, that is plenty.".to_owned(),
            "A thank-you never gets old. Thank you, too.".to_owned(),
            "Any time. I mean that.".to_owned(),
        ],
        Intent::Sorry => vec![
            "It's all right. Saying so was kind of you.".to_owned(),
            "No need to be sorry. It is forgotten already.".to_owned(),
            format!("{name} doesn't hold grudges. Let's go on."),
        ],
        Intent::Sad | Intent::Afraid | Intent::Angry | Intent::Love | Intent::Glad => {
            feelings(scene)
        }
        Intent::Help => vec![
            "Let's take it one piece at a time. What is the most urgent part?".to_owned(),
            "I can't do much, but I can listen to the end. What happened, from the beginning?"
                .to_owned(),
            "I would write it down first: what you know on the left, what you don't on the right. What goes where?"
                .to_owned(),
        ],
        Intent::Laugh => vec![
            "I can almost hear you laughing from here.".to_owned(),
            "Now you've made me smile as well.".to_owned(),
            format!("Well, nobody ever told {name} about being funny before."),
        ],
        Intent::Yes => vec![
            "Good, then let's do that.".to_owned(),
            "I thought so, too.".to_owned(),
            "All right. No need to hurry.".to_owned(),
        ],
        Intent::No => vec![
            "Fair enough, I guessed wrong.".to_owned(),
            "No it is, then. Thank you for being frank.".to_owned(),
            "I see. Let me come at it from another side.".to_owned(),
        ],
        Intent::Question => questions(scene),
        Intent::Statement | Intent::MoreOfIt | Intent::Story => statements(scene),
    }
}

fn greetings(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let caller = match &scene.caller {
        Some(caller) => format!(", {caller}"),
        None => String::new(),
    };
    if scene.is_first {
        vec![
            format!("Hello{caller}! I'm {name}. It's good to meet you."),
            format!("Welcome{caller}. {name} here; I was hoping somebody would stop by."),
            format!("Hi{caller}. They call me {name}. Make yourself comfortable."),
        ]
    } else {
        vec![
            format!("Hello again{caller}. {name} is glad that you're here."),
            format!("Hi{caller}! Still here, still {name}."),
            format!("Good to hear from you{caller}."),
            format!("Hello, hello{caller}! One can't greet too often."),
        ]
    }
}

fn about_names(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match (scene.heard.intent, &scene.caller) {
        (Intent::TellsName, Some(caller)) => vec![
            format!("{caller}, that's a fine name. I'm {name}."),
            format!("Good to meet you, {caller}. You can call me {name}."),
            format!("So you're {caller}. {name} will remember that."),
        ],
        (Intent::OwnName, Some(caller)) => vec![
            format!("You said {caller}, and I haven't forgotten."),
            format!("How could I forget? You're {caller}."),
            format!("As far as I know, {caller}. Am I right?"),
        ],
        (Intent::OwnName | Intent::TellsName, _) => vec![
            "You haven't told me your name yet. What shall I call you?".to_owned(),
            "I don't think you've said. I'd like to know it, though.".to_owned(),
            format!("Mine is {name}. Now it's your turn."),
        ],
        _ => vec![
            format!("My name is {name}."),
            format!("I'm {name}. Use it as often as you like."),
            format!("People call me {name}."),
            format!("{name}. Say it once, so that I hear how it sounds from you."),
        ],
    }
}

fn feelings(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match scene.heard.intent {
        Intent::Sad => vec![
            "That sounds heavy. You don't have to pretend here. What happened?".to_owned(),
            format!("Some days are like that. {name} is here; say as much as you want to."),
            "Small things first: a glass of water, a window open. Then tell me, slowly.".to_owned(),
            "It's all right to cry. What weighs the most just now?".to_owned(),
        ],
        Intent::Afraid => vec![
            "Breathe out, longer than you breathe in. Now, what worries you most?".to_owned(),
            "We fear for what we care about. What is it that you care about here?".to_owned(),
            format!(
                "Even {name} trembles before a first time. What is the smallest step you could prepare?"
            ),
        ],
        Intent::Angry => vec![
            "Anybody would be angry. Tell me what they did.".to_owned(),
            "Don't carry it around; put all of it down here. I'm listening.".to_owned(),
            "Walk to the window and back, then tell me what was the most unfair part.".to_owned(),
        ],
        Intent::Love => vec![
            format!("Now {name} is lost for words. Thank you."),
            "That's a kind thing to say. I'll keep it for a rainy day.".to_owned(),
            "I like our talks, too. What did you like best today?".to_owned(),
        ],
        _ => vec![
            "Oh, that's good to hear!".to_owned(),
            format!("Wonderful. {name} is clapping, loudly."),
            "Good news grows when it is told twice.".to_owned(),
            "Thank you for letting me share in that.".to_owned(),
        ],
    }
}

fn questions(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let Some(topic) = &scene.heard.topic else {
        return vec![
            format!("A good question. {name} is still learning, so let's think about it together."),
            "I would start with the smallest part of it. What would you do?".to_owned(),
            "I doubt that there is only one answer. Which one comes to your mind first?".to_owned(),
            "Before I answer, let me ask: what made you wonder?".to_owned(),
        ];
    };
    vec![
        format!(
            "“{topic}” is not an easy one. I'm only a demo, so I won't pretend to know, but I can think along."
        ),
        format!("What “{topic}” means depends on who looks at it. How does it look to you?"),
        format!("{name} has wondered about “{topic}” for a long time, and is still looking."),
        format!("So you'd like to know about “{topic}”. Which answer comes to your mind first?"),
        format!("With “{topic}” I would begin at the smallest end and work from there."),
    ]
}

fn statements(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let Some(topic) = &scene.heard.topic else {
        return vec![
            "I see. I'm nodding as I listen.".to_owned(),
            format!("{name} is turning that over, quietly."),
            "Ah, so that's how it was.".to_owned(),
            "Thank you for telling me. I'm trying to picture it.".to_owned(),
            "Hm, that reminds me of something.".to_owned(),
        ];
    };
    vec![
        format!("“{topic}”: that word stays with me."),
        format!("I'm glad that you brought up “{topic}”. {name} is always curious."),
        format!("“{topic}” seems to be on your mind these days."),
        format!("I could listen to stories about “{topic}” for hours."),
        format!("Ah, “{topic}”! Nobody has told {name} about that before."),
    ]
}

fn story(scene: &Scene<'_>, picker: &mut Picker) -> String {
    let name = scene.name;
    let openings = match &scene.heard.topic {
        Some(topic) => vec![
            format!("You say “{topic}”, and a story comes to {name}'s mind. Listen."),
            format!("I'm not sure that it is about “{topic}”, but here is one that I like."),
        ],
        None => vec![
            format!("Gladly. This is one that {name} keeps for good company."),
            "A story is always welcome. Sit down and listen.".to_owned(),
            "One comes to mind. I heard it long ago.".to_owned(),
        ],
    };
    let closings = vec![
        "And that is where it ends. Which part stayed with you?".to_owned(),
        format!("That's all of it. Whenever {name} thinks of it, the day gets a little braver."),
        "Now, would you tell me how it goes on?".to_owned(),
    ];
    let opening = picker.pick(openings);
    let body = picker.pick(STORIES);
    format!("{opening}\n\n{body}\n\n{}", picker.pick(closings))
}

/// Each of 60 words at least.
const STORIES: [&str; 5] = [
    "At the far end of the coast stood a very small lighthouse. Every night its keeper lit the lamp, and for ten years not one ship came by. The village asked her to save the oil. “Nobody tells you beforehand,” she said, “which night somebody will be lost.”\n\nOne winter the fog came in so thick that the gulls walked. A boat with a torn sail found its way into the cove by that one light, and in the boat sat a frightened boy. He put his wet hand on the wall of the tower. “How long has this been burning?” he asked. “Ten years,” said the keeper, “all of them for you.”",
    "In a town of clocks there was an old man whose clocks all ran five minutes late. People laughed at first. But in the houses that had bought one, the shouting grew rarer: whoever was leaving stayed five minutes longer, whoever was angry thought for five minutes more, and friends waved to each other until the corner and a little beyond.\n\nWhen the old man died, his apprentice set out to mend them all. The whole town came running with the clocks in their arms. “Leave them alone,” they said. “They aren't late. They are waiting for us.” To this day the bell up there takes a breath before it strikes noon.",
    "A mapmaker drew one mistake into every map: a tiny island where there was none, so that she could tell when somebody had copied her work. One day a sailor came to her door with a basket of oranges. “From your island,” he said. She told him kindly that there was no such place.\n\nHe unrolled her own map and showed her the speck in the empty blue. He had run out of water, he said, and steered for it because it was the only land within reach. And it had been there, green and loud with birds. She never knew what to make of that. But from then on she took more care with her mistakes, and gave each of them a harbour.",
    "There was a well that remembered. If you leaned over and spoke, it gave your words back, but years later, and to somebody else. A girl who shouted a joke into it heard a lullaby in return, and an old man who wept there was told, in a child's voice, that the soup was ready.\n\nWhen a drought came and the well stood empty, the village meant to fill it with stones. On the last evening a boy climbed down to look for frogs, and he found all of it, a hundred years of voices, whispering at the bottom. He asked them what to do. They answered together, and for once at the right time: “Dig.” Three feet below, the water was cold and sweet.",
    "The last train of the night had one carriage that was on no timetable. You could find it only if you had missed every other train that day. Inside sat people with cold tea and wet coats, and at each stop one of them got out at a place that was not on the line: a kitchen from long ago, a beach in June, a doorstep where somebody had waited.\n\nThe conductor never asked for tickets. One night a woman stayed in her seat until the end. “Where is your stop?” he asked. “I don't know yet,” she said. He nodded, hung his cap on the hook and handed her the lamp. “Then you'd better take over,” he said. “I think this one is mine.”",
];
