// Sessions of the phases for each stage of growing; those of the next stage are made ready while this one trains.

import type { Model } from '../models/contract.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { type Growth, nextStage, type Stage } from './growth.ts';
import { type Phase, type PhaseOptions, phaseBuilders } from './phases.ts';

export interface CompiledPhase {
  readonly phase: Phase;
  readonly session: Session;
}

const keyOf = ({ level, fading }: Stage): string => `${level} ${fading}`;

export class CompiledStages {
  private readonly engine: Engine;
  private readonly model: Model;
  private readonly growth: Growth | null;
  private readonly optionsAt: (stage: Stage) => PhaseOptions;
  private readonly stages = new Map<string, CompiledPhase[]>();

  /** `optionsAt` gives the options of a stage: batches differ between resolutions. */
  constructor(
    engine: Engine,
    model: Model,
    growth: Growth | null,
    optionsAt: (stage: Stage) => PhaseOptions,
  ) {
    this.engine = engine;
    this.model = model;
    this.growth = growth;
    this.optionsAt = optionsAt;
  }

  /** The phases of a stage, compiled as far as they are not yet. Those of other stages before it are released. */
  async at(stage: Stage): Promise<readonly CompiledPhase[]> {
    while (await this.compileOne(stage));
    await this.releaseExcept([stage, nextStage(stage, this.growth)]);
    return this.phasesOf(stage);
  }

  /** Compiles one more phase of the stage that comes after this one, if any is left to compile. */
  async prepareAfter(stage: Stage): Promise<void> {
    const next = nextStage(stage, this.growth);
    if (next !== null) await this.compileOne(next);
  }

  private phasesOf(stage: Stage): CompiledPhase[] {
    let phases = this.stages.get(keyOf(stage));
    if (phases === undefined) {
      phases = [];
      this.stages.set(keyOf(stage), phases);
    }
    return phases;
  }

  /** False when all phases of the stage are compiled. */
  private async compileOne(stage: Stage): Promise<boolean> {
    const phases = this.phasesOf(stage);
    const options = this.optionsAt(stage);
    const build = phaseBuilders(options).at(phases.length);
    if (build === undefined) return false;
    const phase = build(this.model, stage);
    phases.push({ phase, session: await this.engine.compile(phase.graph) });
    return true;
  }

  private async releaseExcept(kept: readonly (Stage | null)[]): Promise<void> {
    const keys = new Set(kept.flatMap((stage) => (stage === null ? [] : [keyOf(stage)])));
    for (const [key, phases] of this.stages) {
      if (keys.has(key)) continue;
      this.stages.delete(key);
      for (const { session } of phases) await this.engine.release(session);
    }
  }
}
