// Everything that every page runs; a page with a chart loads chart.js besides.
import { startBinding } from "./bind.js";
import { startFeed } from "./feed.js";
import { startFrame } from "./frame.js";
import { startLadders } from "./ladder.js";
import { startLive } from "./live.js";
import { startTabs } from "./tabs.js";

startFrame();
startTabs();
startBinding();
startFeed();
startLadders();
startLive();
