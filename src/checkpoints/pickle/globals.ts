// The closed list of classes and functions that a checkpoint may name. None is run; all others are refused.

import type { GlobalKind, PickleGlobals } from '../../core/pickle/machine.ts';
import { NUMPY_GLOBALS } from '../../core/pickle/numpy.ts';
import type { StoredType } from '../../core/pickle/stored-tensor.ts';

/** Element types of PyTorch's storages, by their class. */
export const STORAGE_TYPES: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ['torch.FloatStorage', 'float32'],
  ['torch.DoubleStorage', 'float64'],
  ['torch.HalfStorage', 'float16'],
  ['torch.BFloat16Storage', 'bfloat16'],
  ['torch.ByteStorage', 'uint8'],
  ['torch.CharStorage', 'int8'],
  ['torch.ShortStorage', 'int16'],
  ['torch.IntStorage', 'int32'],
  ['torch.LongStorage', 'int64'],
  ['torch.BoolStorage', 'bool'],
]);

const TORCH_TYPES = 'float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 bool'.split(' ');

const objects = (names: readonly string[]) => names.map((name) => [name, 'object'] as const);

export const CHECKPOINT_GLOBALS: PickleGlobals = new Map<string, GlobalKind>([
  ['collections.OrderedDict', 'dict'],
  ['dnnlib.util.EasyDict', 'dict'],
  ['dnnlib.EasyDict', 'dict'],
  ['builtins.set', 'set'],
  ['__builtin__.set', 'set'],
  ...NUMPY_GLOBALS,
  ...objects([...STORAGE_TYPES.keys()]),
  ...objects(TORCH_TYPES.map((type) => `torch.${type}`)),
  ...objects([
    'torch._utils._rebuild_tensor_v2',
    'torch._utils._rebuild_parameter',
    'torch.storage._load_from_bytes',
    'torch.Size',
    'torch.device',
    // NVIDIA's networks: of PyTorch, of TensorFlow, and of ProGAN.
    'torch_utils.persistence._reconstruct_persistent_obj',
    'dnnlib.tflib.network.Network',
    'tfutil.Network',
    // Command-line options that rosinality's training stores.
    'argparse.Namespace',
  ]),
]);
