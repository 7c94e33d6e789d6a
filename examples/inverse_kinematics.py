"""Inverse kinematics: the derivative of where the hand is tells how to turn the joints.

An arm with six joints is a chain of six turns and shifts; the product of their matrices says where
the hand is and how it points. To find joint angles for a wanted pose, linearise and solve, and do
so again (Newton): the derivative by the angles is the Jacobian of the pose. The hand follows a
circle and keeps its direction.

Where the Jacobian is singular the hand cannot move in some direction, whatever the joints do. Its
determinant, the manipulability (Yoshikawa, 1985), says how near that is, and the gradient of that,
a derivative of a derivative, says how to get away.

The adjoint: torques. By the principle of virtual work, a force at the hand, pulled back through the
chain, gives the torque that each joint feels: `J^T` times the force.

The oracle: the geometric Jacobian, `axis x (hand - joint)` for each joint, which needs no
derivative; and, for this arm, the determinant in closed form, with its zeros at a straight elbow, a
straight wrist, and a hand above the base.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad

SHIFT = np.array([0.089159, 0.0, 0.0, 0.10915, 0.09465, 0.0823])
LENGTH = np.array([0.0, -0.425, -0.39225, 0.0, 0.0, 0.0])
TWIST = np.array([0.5 * np.pi, 0.0, 0.0, 0.5 * np.pi, -0.5 * np.pi, 0.0])
"""Denavit-Hartenberg numbers of a UR5, in metres and radians."""


def hand(q):
    """The pose of the hand: three columns of directions, and its place."""
    pose = np.zeros((3, 4))
    pose[0, 0] = pose[1, 1] = pose[2, 2] = 1.0
    for j in range(len(q)):
        c, s, ct, st = np.cos(q[j]), np.sin(q[j]), np.cos(TWIST[j]), np.sin(TWIST[j])
        for i in range(3):
            x, y, z = pose[i, 0], pose[i, 1], pose[i, 2]
            ahead, aside = c * x + s * y, c * y - s * x
            pose[i, 0] = ahead
            pose[i, 1] = ct * aside + st * z
            pose[i, 2] = ct * z - st * aside
            pose[i, 3] += LENGTH[j] * ahead + SHIFT[j] * z
    return pose


pose_jacobian = srcad.jacobian(hand)


def jacobian(q):
    """Velocity and angular velocity of the hand for each joint's speed."""
    turned = hand(q)
    by_angle = pose_jacobian(q)
    result = np.zeros((6, len(q)))
    for j in range(len(q)):
        result[:3, j] = by_angle[:, 3, j]
        for k in range(3):  # the turn's derivative times the turn's inverse is skew: take its three
            result[3, j] += by_angle[2, k, j] * turned[1, k]
            result[4, j] += by_angle[0, k, j] * turned[2, k]
            result[5, j] += by_angle[1, k, j] * turned[0, k]
    return result


def manipulability(q):
    """How far the arm is from being singular."""
    return abs(np.linalg.det(jacobian(q)))


escape = srcad.value_and_grad(manipulability)


def link(angle, shift, length, twist):
    """The matrix from the frame of a joint to that of the next one (Denavit and Hartenberg)."""
    c, s, ct, st = np.cos(angle), np.sin(angle), np.cos(twist), np.sin(twist)
    turns = [[c, -s * ct, s * st, length * c], [s, c * ct, -c * st, length * s]]
    return np.array([*turns, [0.0, st, ct, shift], [0.0, 0.0, 0.0, 1.0]])


def frames(q):
    """The frames of the base and of all joints, the last of which is the hand."""
    result = [np.eye(4)]
    for j in range(len(q)):
        result.append(result[-1] @ link(q[j], SHIFT[j], LENGTH[j], TWIST[j]))
    return np.array(result)


def geometric_jacobian(q):
    """The same without a derivative: a turn about an axis moves the hand by a cross product."""
    frame = frames(q)
    axes, places = frame[:-1, :3, 2], frame[:, :3, 3]
    return np.concatenate([np.cross(axes, places[-1] - places[:-1]).T, axes.T])


def closed_form(q):
    """The determinant of this arm."""
    reach = LENGTH[1] * np.cos(q[1]) + LENGTH[2] * np.cos(q[1] + q[2])
    reach = reach + SHIFT[4] * np.sin(q[1] + q[2] + q[3])
    return LENGTH[1] * LENGTH[2] * np.sin(q[2]) * np.sin(q[4]) * reach


def difference(pose, wanted):
    """How far to move, and about what to turn, to come from one pose to the other."""
    turn = 0.5 * np.sum(np.cross(pose[:, :3], wanted[:, :3], axis=0), axis=1)
    return np.concatenate([wanted[:, 3] - pose[:, 3], turn])


def reach(q, wanted, steps):
    """Newton's method; returns the angles and the error before each step."""
    errors = []
    for _ in range(steps):
        gap = difference(hand(q), wanted)
        errors.append(np.linalg.norm(gap))
        q = q + np.linalg.solve(jacobian(q), gap)
    return q, errors


def circle(start, radius, count):
    """Poses on a circle in a plane that stands upright, with the direction of the first."""
    poses = []
    for angle in np.linspace(0.0, 2.0 * np.pi, count):
        pose = start.copy()
        pose[:, 3] += radius * np.array([0.0, np.sin(angle), 1.0 - np.cos(angle)])
        poses.append(pose)
    return poses


def get_away(q, rate, steps):
    """Climb along the gradient of the manipulability."""
    for _ in range(steps):
        q = q + rate * escape(q)[1]
    return q


def draw(path, way, poses, errors, measured):
    """Save the arm along the circle, the errors of Newton's steps, and the manipulability."""
    figure = plt.figure(figsize=(10.5, 3.6), layout="constrained")
    axes = [figure.add_subplot(1, 3, 1, projection="3d")]
    axes += [figure.add_subplot(1, 3, k) for k in (2, 3)]
    for k in range(0, len(way) - 1, 8):
        shade = 0.25 + 0.6 * k / len(way)
        axes[0].plot(*frames(way[k])[:, :3, 3].T, "o-", color=plt.cm.viridis(shade), markersize=3)
    axes[0].plot(*np.array([pose[:, 3] for pose in poses]).T, "k", linewidth=1)
    axes[0].set(xlabel="x (m)", ylabel="y (m)", zlabel="z (m)")
    axes[0].zaxis.labelpad = -4
    axes[0].set_box_aspect((1, 1, 1))
    axes[0].tick_params(labelsize=6)
    axes[1].semilogy(np.maximum(errors, 1e-17), "o-")
    axes[1].set(xlabel="Newton step", ylabel="distance of the poses (m, rad)")
    turn = np.linspace(0, 360, len(way))
    axes[2].plot(turn, measured, "o", markersize=3, label="determinant of the derivative")
    axes[2].plot(turn, [abs(closed_form(q)) for q in way], "k", linewidth=1, label="closed form")
    axes[2].set(xlabel="on the circle (degrees)", ylabel="manipulability (m3)", ylim=(0, None))
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    q = np.array([0.3, -1.2, 1.5, -0.8, 1.2, 0.4])
    error = np.max(np.abs(jacobian(q) - geometric_jacobian(q)))
    print(f"Jacobian - geometric: {error:.0e}")
    poses, way, measured = circle(hand(q), 0.15, 49), [], []
    _, errors = reach(q, poses[16], 7)
    for pose in poses:
        q, _ = reach(q, pose, 4)
        way.append(q)
        measured.append(manipulability(q))
    worst = max(np.linalg.norm(difference(hand(q), p)) for q, p in zip(way, poses, strict=True))
    print("errors of Newton's steps:", " ".join(f"{error:.0e}" for error in errors))
    print(f"circle followed with an error of {worst:.0e}, angles closed: ", end="")
    print(f"{np.max(np.abs(way[-1] - way[0])):.0e}")
    stretched = np.array([0.3, -1.2, 0.02, -0.8, 0.05, 0.4])
    away = get_away(stretched, 3.0, 60)
    print(
        f"nearly straight: {manipulability(stretched):.1e}, after climbing its gradient: ", end=""
    )
    print(f"{manipulability(away):.3f}")
    path = Path(__file__).parent / "pictures" / "inverse_kinematics.png"
    draw(path, way, poses, errors, measured)


if __name__ == "__main__":
    main()
